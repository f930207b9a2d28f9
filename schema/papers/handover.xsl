<?xml version="1.0" encoding="UTF-8"?>
<!-- 移交清单: one case goes on to the office that handles it. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:import href="common.xsl"/>
<xsl:template match="paper" mode="content">
  <table class="facts"><tbody>
    <xsl:call-template name="item-row"/>
    <xsl:call-template name="applicant-rows"/>
    <xsl:call-template name="row"><xsl:with-param name="label">收件时间</xsl:with-param><xsl:with-param name="value" select="received_at"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">移出单位编码</xsl:with-param><xsl:with-param name="value" select="from_code"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">接收单位</xsl:with-param><xsl:with-param name="value" select="to"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">移交人</xsl:with-param><xsl:with-param name="value" select="officer"/><xsl:with-param name="empty">blank</xsl:with-param></xsl:call-template>
  </tbody></table>
  <xsl:call-template name="materials"><xsl:with-param name="label">移交的材料</xsl:with-param></xsl:call-template>
  <xsl:call-template name="words"/>
  <xsl:call-template name="sign"><xsl:with-param name="label">移交人签名</xsl:with-param></xsl:call-template>
  <xsl:call-template name="sign"><xsl:with-param name="label">接收人签名</xsl:with-param></xsl:call-template>
</xsl:template>
</xsl:stylesheet>
