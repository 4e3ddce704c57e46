/** The report's style: one column of cards, light and dark as the reader's system is. */
export const pageStyle = `
:root{--back:#f6f5f1;--card:#fff;--ink:#1c1b19;--soft:#6b6862;--line:#e4e1d9;--blue:#2563a8;--warm:#c2571a;
--useful:#2f8f6b;--overhead:#7fa7d6;--crashed:#c2362f;--duplicate:#e0a526;--retried:#c2571a;--checking:#5f6fc4;--corrupted:#8b3fa0;--unfinished:#9fbfae;--idle:#dcd9d0}
@media (prefers-color-scheme:dark){:root{--back:#151617;--card:#1e2022;--ink:#ecebe7;--soft:#9c9a94;--line:#33363a;--blue:#6aa6e8;--warm:#e58a4e;
--useful:#4fb78e;--overhead:#5b82b3;--crashed:#e0645c;--duplicate:#e3b341;--retried:#e58a4e;--checking:#8b98e6;--corrupted:#b877cc;--unfinished:#5f7d6d;--idle:#3a3d41}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
header,main{max-width:68rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2.5rem;padding-bottom:.75rem}
h1{font-size:2.1rem;line-height:1.15;margin:.1rem 0 .6rem;letter-spacing:-.02em}
h2{font-size:1.05rem;margin:0 0 .75rem}
.kicker{margin:0;color:var(--blue);font-weight:600;font-size:.85rem}
.lead{font-size:1.1rem;max-width:46rem;margin:0 0 .4rem}
.facts,.note,small{color:var(--soft);font-size:.85rem}
.note{margin:-.5rem 0 .75rem}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.1rem 1.25rem;margin:0 0 1rem}
section.bad{border-color:var(--crashed)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.2rem,1fr));gap:1rem;padding:1.25rem}
.tile span,.tile small{display:block}
.tile span{color:var(--soft);font-size:.85rem}
.tile strong{font-size:1.45rem;letter-spacing:-.01em;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:600;padding:.4rem .75rem .4rem 0}
thead th{color:var(--soft);font-weight:500;font-size:.82rem;border-bottom:1px solid var(--line)}
td{padding:.3rem .75rem .3rem 0;min-width:4rem}
tbody tr+tr>*{border-top:1px solid var(--line)}
.meter{position:relative;min-width:8.5rem;height:1.6rem;border-radius:5px;background:color-mix(in srgb,var(--idle) 45%,transparent);overflow:hidden}
.meter i{position:absolute;inset:0 auto 0 0;background:color-mix(in srgb,var(--blue) 38%,transparent)}
.meter.warm i{background:color-mix(in srgb,var(--warm) 42%,transparent)}
.meter span{position:relative;padding-left:.5rem;line-height:1.6rem;white-space:nowrap}
.bar{margin-bottom:.55rem}
.bar span{font-size:.88rem}
.bar div{display:flex;height:1.5rem;border-radius:6px;overflow:hidden;background:var(--idle)}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;margin:.75rem 0 0;padding:0;font-size:.88rem}
.legend i{display:inline-block;width:.8rem;height:.8rem;border-radius:3px;margin-right:.4rem;vertical-align:-1px}
.useful{background:var(--useful)}.overhead{background:var(--overhead)}.crashed{background:var(--crashed)}.duplicate{background:var(--duplicate)}
.retried{background:var(--retried)}.checking{background:var(--checking)}.corrupted{background:var(--corrupted)}.unfinished{background:var(--unfinished)}.idle{background:var(--idle)}
.histogram{display:flex;align-items:flex-end;gap:2px;height:9rem;border-bottom:1px solid var(--line)}
.histogram i{flex:1;background:var(--blue);border-radius:3px 3px 0 0}
.ends{display:flex;justify-content:space-between;color:var(--soft);font-size:.82rem}
select{font:inherit;color:inherit;background:var(--back);border:1px solid var(--line);border-radius:6px;padding:.2rem .4rem}
h3{font-size:.92rem;font-weight:500;color:var(--soft);margin:1rem 0 .2rem}
.uplot,.u-legend{font:inherit;font-size:.82rem}
.u-legend{text-align:left}
.u-legend tr+tr>*{border-top:0}
`;
