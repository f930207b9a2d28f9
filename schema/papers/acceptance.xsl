<?xml version="1.0" encoding="UTF-8"?>
<!-- 受理通知书: accepted on that day, decided by that one. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:import href="common.xsl"/>
<xsl:template match="paper" mode="content">
  <table class="facts"><tbody>
    <xsl:call-template name="applicant-rows"/>
    <xsl:call-template name="item-row"/>
    <xsl:call-template name="row"><xsl:with-param name="label">申请日期</xsl:with-param><xsl:with-param name="value" select="applied_at"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">受理日期</xsl:with-param><xsl:with-param name="value" select="accepted_at"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">法定办结日期</xsl:with-param><xsl:with-param name="value" select="decide_by"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">承诺办结日期</xsl:with-param><xsl:with-param name="value" select="promised_by"/><xsl:with-param name="empty">none</xsl:with-param></xsl:call-template>
    <xsl:call-template name="officer-row"/>
  </tbody></table>
  <xsl:call-template name="words"/>
  <xsl:call-template name="materials"><xsl:with-param name="label">申请材料</xsl:with-param></xsl:call-template>
  <xsl:call-template name="sign"><xsl:with-param name="label">申请人（代办人）签收</xsl:with-param></xsl:call-template>
  <xsl:call-template name="seal"><xsl:with-param name="date" select="accepted_at"/></xsl:call-template>
</xsl:template>
</xsl:stylesheet>
