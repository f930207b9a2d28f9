<?xml version="1.0" encoding="UTF-8"?>
<!-- 移交清单: all cases that go on together to one office, one copy for each side. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:import href="common.xsl"/>

<!-- It is of no single case: no receipt number, no symbol. -->
<xsl:template name="head">
  <xsl:param name="copy"/>
  <header>
    <p class="organ center"><bdi><xsl:value-of select="/paper/organ"/></bdi></p>
    <h1><xsl:value-of select="/paper/title"/></h1>
    <p class="copy center"><xsl:value-of select="$copy"/></p>
  </header>
</xsl:template>

<xsl:template match="paper" mode="content">
  <table class="facts"><tbody>
    <xsl:call-template name="row"><xsl:with-param name="label">移出单位编码</xsl:with-param><xsl:with-param name="value" select="from_code"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">接收单位</xsl:with-param><xsl:with-param name="value" select="to"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">移交人</xsl:with-param><xsl:with-param name="value" select="officer"/><xsl:with-param name="empty">blank</xsl:with-param></xsl:call-template>
  </tbody></table>
  <h2>移交的事项（共<xsl:value-of select="count(cases/item)"/>件）</h2>
  <xsl:choose>
    <xsl:when test="$format = 'roll'">
      <ol>
        <xsl:for-each select="cases/item">
          <li>
            <span class="code"><xsl:value-of select="receipt_number"/></span>　<bdi><xsl:value-of select="item_name"/></bdi>　<bdi><xsl:value-of select="title"/></bdi>
            <xsl:text>　材料：</xsl:text><bdi><xsl:value-of select="materials"/></bdi>
          </li>
        </xsl:for-each>
      </ol>
    </xsl:when>
    <xsl:otherwise>
      <table class="list">
        <thead><tr><th class="n">序号</th><th>收件编号</th><th>事项</th><th class="form">申请人</th><th>材料</th></tr></thead>
        <tbody>
          <xsl:for-each select="cases/item">
            <tr>
              <td class="n"><xsl:value-of select="position()"/></td>
              <td class="code"><xsl:value-of select="receipt_number"/></td>
              <td><bdi><xsl:value-of select="item_name"/></bdi></td>
              <td><bdi><xsl:value-of select="title"/></bdi></td>
              <td><bdi><xsl:value-of select="materials"/></bdi></td>
            </tr>
          </xsl:for-each>
        </tbody>
      </table>
    </xsl:otherwise>
  </xsl:choose>
  <xsl:call-template name="words"/>
  <xsl:call-template name="sign"><xsl:with-param name="label">移交人签名</xsl:with-param></xsl:call-template>
  <xsl:call-template name="sign"><xsl:with-param name="label">接收人签名</xsl:with-param></xsl:call-template>
</xsl:template>
</xsl:stylesheet>
