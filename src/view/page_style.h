/* SPDX-License-Identifier: GPL-3.0-or-later */
/* page_style.h - how the page looks: CSS, a rule a line. A mark never differs from another one by its colour alone. */
#ifndef ACMEGATE_VIEW_PAGE_STYLE_H
#define ACMEGATE_VIEW_PAGE_STYLE_H

static const char *const page_style[] = {
	/* --- colours ----------------------------------------------------------------------------------------------- */
	":root{color-scheme:light dark;--page:#fff;--ink:#1a1e23;--soft:#59626d;--line:#dde2e7;--band:#f3f5f7;--life:#c9d0d7;"
	"--good:#0b7d5c;--wait:#8f5f00;--bad:#c02f1d}\n",
	"@media(prefers-color-scheme:dark){:root{--page:#15181c;--ink:#e7eaed;--soft:#9da7b2;--line:#2f363e;--band:#1d2228;"
	"--life:#48525d;--good:#43bd90;--wait:#dba93a;--bad:#ff7d6c}}\n",
	/* --- text -------------------------------------------------------------------------------------------------- */
	"*{box-sizing:border-box}\n",
	"body{margin:0 auto;max-width:78rem;padding:1.5rem clamp(1rem,4vw,3rem);background:var(--page);color:var(--ink);"
	"font:1rem/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}\n",
	"h1{display:flex;gap:.6rem;align-items:flex-start;margin:.25rem 0;font-size:clamp(1.4rem,4vw,2rem);line-height:1.2;font-weight:650}\n",
	"h2{margin:0 0 .75rem;font-size:1.25rem;line-height:1.3;font-weight:650}\n",
	"h3{display:flex;gap:.5rem;align-items:flex-start;margin:0;font-size:1rem;font-weight:650}\n",
	"h3 i{font-style:normal;font-weight:400;color:var(--soft)}\n",
	"p{margin:.25rem 0;max-width:70ch}\n",
	"header p,footer p{color:var(--soft)}\n",
	"header b{color:var(--ink)}\n",
	"section{margin-top:2.5rem}\n",
	"footer{margin-top:2.5rem;border-top:1px solid var(--line);padding-top:.5rem;font-size:.875rem}\n",
	"code{font:.9em ui-monospace,monospace}\n",
	".lead{font-size:1.125rem;margin-bottom:1rem}\n",
	".lead data{font-weight:650}\n",
	".more,.legend{color:var(--soft);font-size:.875rem}\n",
	/* --- symbols ----------------------------------------------------------------------------------------------- */
	".symbols{position:absolute;width:0;height:0}\n",
	".i{flex:none;width:1.1em;height:1.1em;margin-top:.15em;fill:currentColor}\n",
	".good .i,.i.good{color:var(--good)}\n",
	".wait .i,.i.wait{color:var(--wait)}\n",
	".bad .i,.i.bad{color:var(--bad)}\n",
	/* --- summary ----------------------------------------------------------------------------------------------- */
	".notice{display:flex;gap:.5rem;border-left:4px solid var(--bad);padding:.5rem .75rem;background:var(--band)}\n",
	".facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:1rem 2rem;margin:1.5rem 0 0;"
	"border-top:1px solid var(--line);padding-top:1rem}\n",
	"dt{color:var(--soft);font-size:.875rem}\n",
	"dd{margin:0}\n",
	".facts b{display:block;font-size:1.375rem;line-height:1.3;font-weight:600}\n",
	".facts span{color:var(--soft);font-size:.875rem}\n",
	/* --- failures ---------------------------------------------------------------------------------------------- */
	"article{margin:0 0 .75rem;border-left:4px solid var(--wait);padding:.5rem .9rem .75rem;background:var(--band);break-inside:avoid}\n",
	"article.bad{border-color:var(--bad)}\n",
	"article dl{display:flex;flex-wrap:wrap;gap:.5rem 2rem;margin:.5rem 0}\n",
	"blockquote{margin:.5rem 0 0;border-left:2px solid var(--line);padding-left:.75rem;font:.875rem/1.5 ui-monospace,monospace}\n",
	/* --- tables ------------------------------------------------------------------------------------------------ */
	"table{width:100%;border-collapse:collapse}\n",
	"tr{break-inside:avoid}\n",
	"th,td{border-top:1px solid var(--line);padding:.55rem 1.25rem .55rem 0;text-align:left;vertical-align:top;font-weight:400}\n",
	"th:last-child,td:last-child{padding-right:0}\n",
	"thead th{border:0;color:var(--soft);font-size:.875rem;vertical-align:bottom}\n",
	"tbody th{font-weight:600}\n",
	".names{display:block;font-weight:400;font-size:.875rem;color:var(--soft)}\n",
	".certificates th:first-child{width:20%}\n",
	".certificates th:last-child{width:24%}\n",
	".certificates .state{white-space:nowrap}\n",
	".state .i{vertical-align:-.15em;margin:0 .4rem 0 0}\n",
	".until{white-space:nowrap}\n",
	".until span{display:block;font-size:.875rem;color:var(--soft)}\n",
	"td.next{font-size:.875rem}\n",
	"td.next::first-letter{text-transform:uppercase}\n",
	/* --- charts ------------------------------------------------------------------------------------------------ */
	".chart{position:relative;width:34%;min-width:12rem}\n",
	"td.chart{padding-block:0}\n",
	"svg{overflow:visible}\n",
	"td.chart svg{position:absolute;inset:0 1.25rem 0 0;width:calc(100% - 1.25rem);height:100%}\n",
	".axis{display:block;width:100%;height:34px}\n",
	"svg text{fill:var(--soft);font-size:12px}\n",
	".axis .grid{display:none}\n",
	"line{stroke:var(--line)}\n",
	"line.now{stroke:var(--ink);stroke-dasharray:2 3}\n",
	"text.now{fill:var(--ink)}\n",
	"td.chart rect{transform:translateY(-5px)}\n",
	"td.chart rect.ari{transform:translateY(8px)}\n",
	"rect{rx:2px}\n",
	".life{fill:var(--life)}\n",
	"rect.good{fill:var(--good)}\n",
	"rect.wait{fill:var(--wait)}\n",
	"rect.bad{fill:var(--bad)}\n",
	"rect.ari{fill:var(--soft)}\n",
	"use.next{fill:var(--page);stroke:var(--ink);stroke-width:1.75}\n",
	"figure{margin:0 0 1.5rem}\n",
	".year{display:block;width:100%;height:14rem;border-bottom:1px solid var(--soft)}\n",
	".gate{fill:var(--good);stroke:var(--good)}\n",
	".other{fill:var(--wait);stroke:var(--wait)}\n",
	".open{fill:var(--bad);stroke:var(--bad)}\n",
	".shut{fill:none;stroke:var(--soft);stroke-width:2}\n",
	".year g line{stroke:inherit;stroke-opacity:.45}\n",
	".year .shut line{stroke:none}\n",
	".legend{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;margin-top:.75rem}\n",
	".k{width:24px;height:12px;vertical-align:-1px;margin-right:.25rem}\n",
	".k.s{width:16px;height:16px;vertical-align:-3px}\n",
	/* --- windows ----------------------------------------------------------------------------------------------- */
	".windows{table-layout:fixed;font-size:.9375rem}\n",
	".windows tbody th{font-weight:400}\n",
	".windows th:nth-child(1){width:10rem}\n",
	".windows th:nth-child(2){width:6rem}\n",
	".windows th:nth-child(4){width:6.5rem}\n",
	".windows th:nth-child(5){width:5.5rem}\n",
	".windows .length,.windows .packets{text-align:right}\n",
	"summary{cursor:pointer;padding:.5rem 0;color:var(--soft)}\n",
	/* --- a telephone ------------------------------------------------------------------------------------------- */
	"@media(max-width:44rem){\n",
	".certificates,.certificates tbody,.certificates thead,.certificates thead tr{display:block}\n",
	".certificates thead th:not(.chart),.chart>span{display:none}\n",
	".certificates thead .chart{display:block;width:100%;padding:0}\n",
	".certificates tbody tr{display:grid;grid-template-columns:1fr auto;gap:0 1rem;border-top:1px solid var(--line);padding:.6rem 0}\n",
	".certificates tbody th,.certificates td{border:0;padding:0;width:auto!important}\n",
	".certificates td.chart{grid-column:1/-1;height:2.5rem}\n",
	"td.chart svg{inset:0;width:100%}\n",
	".certificates td.until{grid-column:2;grid-row:3;text-align:right}\n",
	".certificates td.next{grid-column:1;grid-row:3}\n",
	"}\n",
	/* --- paper ------------------------------------------------------------------------------------------------- */
	"@media print{:root{--page:#fff;--ink:#000;--soft:#444;--line:#bbb;--band:#fff;--life:#ccc;--good:#0b7d5c;--wait:#8f5f00;--bad:#c02f1d}"
	"body{padding:0;max-width:none;font-size:10pt}section{margin-top:1.5rem}details::details-content{content-visibility:visible;"
	"height:auto}summary{list-style:none}}\n",
};

#endif
