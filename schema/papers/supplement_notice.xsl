<?xml version="1.0" encoding="UTF-8"?>
<!-- 补正材料一次性告知书: everything that is missing, at once; two copies. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:import href="common.xsl"/>
<xsl:template match="paper" mode="content">
  <table class="facts"><tbody>
    <xsl:call-template name="applicant-rows"/>
    <xsl:call-template name="item-row"/>
    <xsl:call-template name="row"><xsl:with-param name="label">收件日期</xsl:with-param><xsl:with-param name="value" select="received_at"/></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">依据</xsl:with-param><xsl:with-param name="value" select="basis"/></xsl:call-template>
  </tbody></table>
  <xsl:call-template name="words"/>
  <h2>需要补正的材料（共<xsl:value-of select="count(missing/item)"/>项）</h2>
  <xsl:choose>
    <xsl:when test="$format = 'roll'">
      <ol>
        <xsl:for-each select="missing/item">
          <li>
            <bdi><xsl:value-of select="name"/></bdi>
            <p>标准：<bdi class="value"><xsl:value-of select="standard"/></bdi></p>
            <p>从哪里取得：<xsl:call-template name="value"><xsl:with-param name="value" select="where"/></xsl:call-template></p>
          </li>
        </xsl:for-each>
      </ol>
    </xsl:when>
    <xsl:otherwise>
      <table class="list">
        <thead><tr><th class="n">序号</th><th>材料名称</th><th>应当符合的标准</th><th>从哪里取得</th></tr></thead>
        <tbody>
          <xsl:for-each select="missing/item">
            <tr>
              <td class="n"><xsl:value-of select="position()"/></td>
              <td><bdi class="value"><xsl:value-of select="name"/></bdi></td>
              <td><bdi class="value"><xsl:value-of select="standard"/></bdi></td>
              <td><xsl:call-template name="value"><xsl:with-param name="value" select="where"/></xsl:call-template></td>
            </tr>
          </xsl:for-each>
        </tbody>
      </table>
    </xsl:otherwise>
  </xsl:choose>
  <table class="facts"><tbody>
    <xsl:call-template name="row"><xsl:with-param name="label">请在此日前补正</xsl:with-param><xsl:with-param name="value" select="bring_by"/><xsl:with-param name="empty">未定期限</xsl:with-param></xsl:call-template>
    <xsl:call-template name="row"><xsl:with-param name="label">说明</xsl:with-param><xsl:with-param name="value" select="note"/><xsl:with-param name="empty">none</xsl:with-param></xsl:call-template>
    <xsl:call-template name="officer-row"/>
  </tbody></table>
  <xsl:call-template name="sign"><xsl:with-param name="label">申请人（代办人）签收</xsl:with-param></xsl:call-template>
  <xsl:call-template name="seal"><xsl:with-param name="date" select="told_at"/></xsl:call-template>
</xsl:template>
</xsl:stylesheet>
