<?xml version="1.0" encoding="UTF-8"?>
<!-- 代办委托书: scope and period are ticked and written by the principal. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:import href="common.xsl"/>
<xsl:template match="paper" mode="content">
  <h2>委托人</h2>
  <table class="facts"><tbody>
    <xsl:call-template name="row"><xsl:with-param name="label">姓名（名称）</xsl:with-param><xsl:with-param name="value" select="principal/name"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">证件类型</xsl:with-param><xsl:with-param name="value" select="principal/id_type"/><xsl:with-param name="empty">none</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">证件号码</xsl:with-param><xsl:with-param name="value" select="principal/id_number"/><xsl:with-param name="empty">无</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">电话</xsl:with-param><xsl:with-param name="value" select="principal/phone"/><xsl:with-param name="empty">未留电话</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">住址</xsl:with-param><xsl:with-param name="value" select="principal/address"/><xsl:with-param name="empty">none</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">与委托人关系</xsl:with-param><xsl:with-param name="value" select="principal/relation"/><xsl:with-param name="empty">none</xsl:with-param></xsl:call-template>
  </tbody></table>
  <h2>受托人</h2>
  <table class="facts"><tbody>
    <xsl:call-template name="row"><xsl:with-param name="label">姓名（名称）</xsl:with-param><xsl:with-param name="value" select="agent/name"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">证件类型</xsl:with-param><xsl:with-param name="value" select="agent/id_type"/><xsl:with-param name="empty">none</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">证件号码</xsl:with-param><xsl:with-param name="value" select="agent/id_number"/><xsl:with-param name="empty">无</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">电话</xsl:with-param><xsl:with-param name="value" select="agent/phone"/><xsl:with-param name="empty">未留电话</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">住址</xsl:with-param><xsl:with-param name="value" select="agent/address"/><xsl:with-param name="empty">none</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">与委托人关系</xsl:with-param><xsl:with-param name="value" select="agent/relation"/><xsl:with-param name="empty">none</xsl:with-param></xsl:call-template>
  </tbody></table>
  <h2>委托事项和权限</h2>
  <table class="facts"><tbody>
    <xsl:call-template name="item-row"/>
    <tr><th>委托范围</th><td><span class="choice">□ 提交、补正材料</span>　<span class="choice">□ 签收文书</span>　<span class="choice">□ 领取证照</span>　□ 其他：<span class="blank"></span></td></tr>
    <tr><th>委托期限</th><td><span class="choice">自　　　年　　月　　日起</span><xsl:text> </xsl:text><span class="choice">至　　　年　　月　　日止</span></td></tr>
  </tbody></table>
  <xsl:call-template name="words"/>
  <xsl:call-template name="sign"><xsl:with-param name="label">委托人签名（按印）</xsl:with-param></xsl:call-template>
  <xsl:call-template name="sign"><xsl:with-param name="label">受托人签名</xsl:with-param></xsl:call-template>
</xsl:template>
</xsl:stylesheet>
