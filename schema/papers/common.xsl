<?xml version="1.0" encoding="UTF-8"?>
<!-- What the papers of schema/papers share: the page, its head and foot, and the parts that a kind is put together from.
     KIND.xsl imports this file and gives a template with mode="content". The data stands in shared/papers.c; the legal words
     (words, draft) come from there and are shown whole. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:output method="html" encoding="UTF-8" indent="no"/>
<xsl:param name="format"/>
<xsl:param name="css"/>

<xsl:template match="/paper">
  <html lang="zh-CN">
    <head>
      <meta charset="utf-8"/>
      <meta name="viewport" content="width=device-width"/>
      <meta name="robots" content="noindex"/>
      <title><xsl:value-of select="title"/><xsl:text> </xsl:text><xsl:value-of select="receipt_number"/></title>
      <style><xsl:value-of select="$css"/></style>
    </head>
    <body class="{$format} {kind}">
      <xsl:for-each select="copies/item">
        <section class="sheet">
          <xsl:call-template name="head"><xsl:with-param name="copy" select="."/></xsl:call-template>
          <xsl:apply-templates select="/paper" mode="content"/>
          <xsl:call-template name="foot"/>
        </section>
      </xsl:for-each>
    </body>
  </html>
</xsl:template>

<!-- Organ, title, which copy, the draft mark, the numbers; on A4 the QR symbol stands beside the numbers. -->
<xsl:template name="head">
  <xsl:param name="copy"/>
  <xsl:if test="/paper/draft != ''"><div class="mark screen" aria-hidden="true">草稿</div></xsl:if>
  <header>
    <p class="organ center"><bdi><xsl:value-of select="/paper/organ"/></bdi></p>
    <h1><xsl:value-of select="/paper/title"/></h1>
    <xsl:if test="$copy != ''"><p class="copy center"><xsl:value-of select="$copy"/></p></xsl:if>
    <xsl:if test="/paper/draft != ''"><p class="draft"><xsl:value-of select="/paper/draft"/></p></xsl:if>
  </header>
  <div class="numbers">
    <xsl:if test="$format = 'a4'"><xsl:call-template name="qr"/></xsl:if>
    <p class="receipt-number">收件编号：<span class="code"><xsl:value-of select="/paper/receipt_number"/></span></p>
    <xsl:call-template name="document-number"/>
  </div>
</xsl:template>

<!-- Sealed papers have a number of the organ: its short name, the nature, 〔year〕, the serial. Nobody makes one up. -->
<xsl:template name="document-number">
  <xsl:choose>
    <xsl:when test="/paper/document_number != ''">
      <p class="document-number">文书编号：<bdi><xsl:value-of select="/paper/document_number"/></bdi></p>
    </xsl:when>
    <xsl:when test="/paper/draft != '' or /paper/seal != ''">
      <p class="document-number">文书编号：<span class="blank"></span>（由出具机关编号）</p>
    </xsl:when>
  </xsl:choose>
</xsl:template>

<xsl:template name="qr">
  <xsl:if test="/paper/qr">
    <div class="qr center">
      <svg viewBox="0 0 {/paper/qr/@size} {/paper/qr/@size}" role="img" aria-label="办件进度二维码">
        <path d="{/paper/qr/@path}"/>
      </svg>
      <p class="center">扫码查看办理进度</p>
    </div>
  </xsl:if>
</xsl:template>

<!-- Who prints, where to ask, when it was printed. -->
<xsl:template name="foot">
  <xsl:if test="$format = 'roll'"><xsl:call-template name="qr"/></xsl:if>
  <xsl:if test="/paper/privacy != ''"><p class="privacy"><xsl:value-of select="/paper/privacy"/></p></xsl:if>
  <footer>
    <p>
      <bdi><xsl:value-of select="/paper/station/name"/></bdi>
      <xsl:text>　电话：</xsl:text>
      <xsl:call-template name="value"><xsl:with-param name="value" select="/paper/station/phone"/></xsl:call-template>
      <xsl:text>　地址：</xsl:text>
      <xsl:call-template name="value"><xsl:with-param name="value" select="/paper/station/address"/></xsl:call-template>
    </p>
    <p>打印时间：<xsl:value-of select="/paper/printed_at"/></p>
  </footer>
</xsl:template>

<!-- The parts -->

<!-- A value; what the county has not made known says so. -->
<xsl:template name="value">
  <xsl:param name="value"/>
  <xsl:param name="empty" select="'待县级发布'"/>
  <xsl:choose>
    <xsl:when test="$value != ''"><bdi class="value"><xsl:value-of select="$value"/></bdi></xsl:when>
    <xsl:when test="$empty = 'blank'"><span class="blank whole"></span></xsl:when>
    <xsl:otherwise><span class="pending"><xsl:value-of select="$empty"/></span></xsl:otherwise>
  </xsl:choose>
</xsl:template>

<!-- A row of a table of facts. empty: "blank" = a line to write on; "none" = no row at all. -->
<xsl:template name="row">
  <xsl:param name="label"/>
  <xsl:param name="value"/>
  <xsl:param name="empty" select="'待县级发布'"/>
  <xsl:if test="$value != '' or $empty != 'none'">
    <tr>
      <th><xsl:value-of select="$label"/></th>
      <td>
        <xsl:call-template name="value">
          <xsl:with-param name="value" select="$value"/>
          <xsl:with-param name="empty" select="$empty"/>
        </xsl:call-template>
      </td>
    </tr>
  </xsl:if>
</xsl:template>

<xsl:template name="applicant-rows">
  <xsl:call-template name="row"><xsl:with-param name="label">申请人</xsl:with-param><xsl:with-param name="value" select="applicant/name"/></xsl:call-template>
  <xsl:call-template name="row"><xsl:with-param name="label">监护人</xsl:with-param><xsl:with-param name="value" select="applicant/guardian"/><xsl:with-param name="empty">none</xsl:with-param></xsl:call-template>
  <xsl:call-template name="row"><xsl:with-param name="label">代办人</xsl:with-param><xsl:with-param name="value" select="applicant/agent"/><xsl:with-param name="empty">none</xsl:with-param></xsl:call-template>
</xsl:template>

<xsl:template name="item-row">
  <xsl:call-template name="row"><xsl:with-param name="label">事项</xsl:with-param><xsl:with-param name="value" select="item_name"/></xsl:call-template>
</xsl:template>

<xsl:template name="materials">
  <xsl:param name="label" select="'材料'"/>
  <h2><xsl:value-of select="$label"/>（共<xsl:value-of select="count(materials/item)"/>项）</h2>
  <xsl:choose>
    <xsl:when test="not(materials/item)"><p>没有材料。</p></xsl:when>
    <xsl:when test="$format = 'roll'">
      <ol>
        <xsl:for-each select="materials/item">
          <li><bdi><xsl:value-of select="name"/></bdi>　<xsl:value-of select="form"/>　<xsl:value-of select="copies"/>份</li>
        </xsl:for-each>
      </ol>
    </xsl:when>
    <xsl:otherwise>
      <table class="list">
        <thead><tr><th class="n">序号</th><th>材料名称</th><th class="form">形式</th><th class="n">份数</th></tr></thead>
        <tbody>
          <xsl:for-each select="materials/item">
            <tr>
              <td class="n"><xsl:value-of select="position()"/></td>
              <td><bdi><xsl:value-of select="name"/></bdi></td>
              <td><xsl:value-of select="form"/></td>
              <td class="n"><xsl:value-of select="copies"/></td>
            </tr>
          </xsl:for-each>
        </tbody>
      </table>
    </xsl:otherwise>
  </xsl:choose>
</xsl:template>

<xsl:template name="words">
  <xsl:for-each select="words/item"><p class="words"><xsl:value-of select="."/></p></xsl:for-each>
</xsl:template>

<!-- Where one signs. -->
<xsl:template name="sign">
  <xsl:param name="label"/>
  <p class="sign"><xsl:value-of select="$label"/>：<span class="blank"></span><span class="day">　　　年　　月　　日</span></p>
</xsl:template>

<!-- The organ's seal with the day of the act; a draft has no place for one. -->
<xsl:template name="seal">
  <xsl:param name="date"/>
  <div class="seal">
    <xsl:if test="seal != ''">
      <p><bdi><xsl:value-of select="organ"/></bdi></p>
      <p class="stamp"><xsl:value-of select="seal"/></p>
    </xsl:if>
    <p><xsl:value-of select="$date"/></p>
  </div>
</xsl:template>

<xsl:template name="officer-row">
  <xsl:param name="label" select="'经办人'"/>
  <xsl:call-template name="row"><xsl:with-param name="label" select="$label"/><xsl:with-param name="value" select="officer"/><xsl:with-param name="empty">blank</xsl:with-param></xsl:call-template>
  <xsl:call-template name="row"><xsl:with-param name="label">联系电话</xsl:with-param><xsl:with-param name="value" select="station/phone"/></xsl:call-template>
</xsl:template>
</xsl:stylesheet>
