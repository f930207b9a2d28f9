<?xml version="1.0" encoding="UTF-8"?>
<!-- 送达回证: what was handed to whom, when, where and how. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:import href="common.xsl"/>
<xsl:template match="paper" mode="content">
  <table class="facts"><tbody>
    <xsl:call-template name="item-row"/>
    <xsl:call-template name="row"><xsl:with-param name="label">送达文书</xsl:with-param><xsl:with-param name="value" select="document"/><xsl:with-param name="empty">blank</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">文书编号</xsl:with-param><xsl:with-param name="value" select="document_number"/><xsl:with-param name="empty">blank</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">受送达人</xsl:with-param><xsl:with-param name="value" select="applicant/name"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">送达时间</xsl:with-param><xsl:with-param name="value" select="delivered_at"/><xsl:with-param name="empty">blank</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">送达地点</xsl:with-param><xsl:with-param name="value" select="place"/><xsl:with-param name="empty">blank</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">送达方式</xsl:with-param><xsl:with-param name="value" select="way"/><xsl:with-param name="empty">blank</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">收件人</xsl:with-param><xsl:with-param name="value" select="receiver"/><xsl:with-param name="empty">blank</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">与受送达人关系</xsl:with-param><xsl:with-param name="value" select="relation"/><xsl:with-param name="empty">blank</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">见证人</xsl:with-param><xsl:with-param name="value" select="witness"/><xsl:with-param name="empty">blank</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">备注</xsl:with-param><xsl:with-param name="value" select="note"/><xsl:with-param name="empty">blank</xsl:with-param></xsl:call-template>
  </tbody></table>
  <xsl:call-template name="words"/>
  <xsl:call-template name="sign"><xsl:with-param name="label">收件人签名或者盖章</xsl:with-param></xsl:call-template>
  <xsl:call-template name="sign"><xsl:with-param name="label">见证人签名</xsl:with-param></xsl:call-template>
  <xsl:call-template name="sign"><xsl:with-param name="label">送达人签名</xsl:with-param></xsl:call-template>
</xsl:template>
</xsl:stylesheet>
