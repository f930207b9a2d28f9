<?xml version="1.0" encoding="UTF-8"?>
<!-- 收件凭证: papers were taken; not yet acceptance. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:import href="common.xsl"/>
<xsl:template match="paper" mode="content">
  <table class="facts"><tbody>
    <xsl:call-template name="item-row"/>
    <xsl:call-template name="applicant-rows"/>
    <xsl:call-template name="row"><xsl:with-param name="label">联系电话</xsl:with-param><xsl:with-param name="value" select="applicant/phone"/><xsl:with-param name="empty">未留电话</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">收件时间</xsl:with-param><xsl:with-param name="value" select="received_at"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">收件人</xsl:with-param><xsl:with-param name="value" select="officer"/><xsl:with-param name="empty">blank</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">答复期限</xsl:with-param><xsl:with-param name="value" select="answer_by"/></xsl:call-template>
  </tbody></table>
  <xsl:call-template name="materials"><xsl:with-param name="label">收到的材料</xsl:with-param></xsl:call-template>
  <xsl:call-template name="words"/>
  <xsl:call-template name="sign"><xsl:with-param name="label">申请人（代办人）签名</xsl:with-param></xsl:call-template>
</xsl:template>
</xsl:stylesheet>
