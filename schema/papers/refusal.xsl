<?xml version="1.0" encoding="UTF-8"?>
<!-- 不予受理通知书, 不受理告知书: reasons, basis, the competent organ, remedies. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:import href="common.xsl"/>
<xsl:template match="paper" mode="content">
  <table class="facts"><tbody>
    <xsl:call-template name="applicant-rows"/>
    <xsl:call-template name="item-row"/>
    <xsl:call-template name="row"><xsl:with-param name="label">申请日期</xsl:with-param><xsl:with-param name="value" select="applied_at"/></xsl:call-template>
  </tbody></table>
  <xsl:call-template name="words"/>
  <table class="facts"><tbody>
    <xsl:call-template name="row"><xsl:with-param name="label">理由</xsl:with-param><xsl:with-param name="value" select="reason"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">依据</xsl:with-param><xsl:with-param name="value" select="basis"/></xsl:call-template>
    <xsl:if test="competent_organ">
      <xsl:call-template name="row"><xsl:with-param name="label">有权办理的机关</xsl:with-param><xsl:with-param name="value" select="competent_organ"/></xsl:call-template>
    </xsl:if>
    <xsl:call-template name="row"><xsl:with-param name="label">救济途径</xsl:with-param><xsl:with-param name="value" select="remedies"/></xsl:call-template>
    <xsl:call-template name="officer-row"/>
  </tbody></table>
  <xsl:call-template name="sign"><xsl:with-param name="label">申请人（代办人）签收</xsl:with-param></xsl:call-template>
  <xsl:call-template name="seal"><xsl:with-param name="date" select="decided_at"/></xsl:call-template>
</xsl:template>
</xsl:stylesheet>
