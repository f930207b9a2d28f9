<?xml version="1.0" encoding="UTF-8"?>
<!-- 延期告知书, 特别程序告知书: what moves the day by which it is decided, and why. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:import href="common.xsl"/>
<xsl:template match="paper" mode="content">
  <table class="facts"><tbody>
    <xsl:call-template name="applicant-rows"/>
    <xsl:call-template name="item-row"/>
    <xsl:call-template name="row"><xsl:with-param name="label">受理日期</xsl:with-param><xsl:with-param name="value" select="accepted_at"/></xsl:call-template>
  </tbody></table>
  <xsl:call-template name="words"/>
  <xsl:for-each select="acts/item">
  <h2><xsl:value-of select="kind"/></h2>
  <table class="facts"><tbody>
    <xsl:call-template name="row"><xsl:with-param name="label">特别程序</xsl:with-param><xsl:with-param name="value" select="procedure"/><xsl:with-param name="empty">none</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">依据</xsl:with-param><xsl:with-param name="value" select="basis"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">理由</xsl:with-param><xsl:with-param name="value" select="reason"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">期间</xsl:with-param><xsl:with-param name="value" select="days"/><xsl:with-param name="empty">待确定</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">批准人</xsl:with-param><xsl:with-param name="value" select="approver"/><xsl:with-param name="empty">none</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">决定日期</xsl:with-param><xsl:with-param name="value" select="at"/></xsl:call-template>
  </tbody></table>
  </xsl:for-each>
  <table class="facts"><tbody>
    <xsl:call-template name="row"><xsl:with-param name="label">顺延后的办结日期</xsl:with-param><xsl:with-param name="value" select="decide_by"/></xsl:call-template>
    <xsl:call-template name="officer-row"/>
  </tbody></table>
  <xsl:call-template name="sign"><xsl:with-param name="label">申请人（代办人）签收</xsl:with-param></xsl:call-template>
  <xsl:call-template name="seal"><xsl:with-param name="date" select="acts/item[last()]/at"/></xsl:call-template>
</xsl:template>
</xsl:stylesheet>
