<?xml version="1.0" encoding="UTF-8"?>
<!-- 办结通知: the result, and where it is fetched; reasons and remedies of a refusal. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:import href="common.xsl"/>
<xsl:template match="paper" mode="content">
  <table class="facts"><tbody>
    <xsl:call-template name="applicant-rows"/>
    <xsl:call-template name="item-row"/>
    <xsl:call-template name="row"><xsl:with-param name="label">办理结果</xsl:with-param><xsl:with-param name="value" select="result"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">决定</xsl:with-param><xsl:with-param name="value" select="decision"/><xsl:with-param name="empty">none</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">决定日期</xsl:with-param><xsl:with-param name="value" select="decided_at"/><xsl:with-param name="empty">none</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">办结日期</xsl:with-param><xsl:with-param name="value" select="completed_at"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">文书（证照）名称</xsl:with-param><xsl:with-param name="value" select="document"/><xsl:with-param name="empty">无</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">领取地点和方式</xsl:with-param><xsl:with-param name="value" select="fetch"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">领取期限</xsl:with-param><xsl:with-param name="value" select="deliver_by"/><xsl:with-param name="empty">none</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">说明</xsl:with-param><xsl:with-param name="value" select="note"/><xsl:with-param name="empty">none</xsl:with-param></xsl:call-template>
  </tbody></table>
  <xsl:call-template name="words"/>
  <xsl:if test="reason != '' or remedies != ''">
  <table class="facts"><tbody>
    <xsl:call-template name="row"><xsl:with-param name="label">理由</xsl:with-param><xsl:with-param name="value" select="reason"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">依据</xsl:with-param><xsl:with-param name="value" select="basis"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">救济途径</xsl:with-param><xsl:with-param name="value" select="remedies"/></xsl:call-template>
  </tbody></table>
  </xsl:if>
  <table class="facts"><tbody>
    <xsl:call-template name="row"><xsl:with-param name="label">评价</xsl:with-param><xsl:with-param name="value" select="rating_url"/></xsl:call-template>
    <xsl:call-template name="officer-row"/>
  </tbody></table>
  <xsl:call-template name="seal"><xsl:with-param name="date" select="completed_at"/></xsl:call-template>
</xsl:template>
</xsl:stylesheet>
