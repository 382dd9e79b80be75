"""The style sheet of the pages: one column that a narrow window turns into cards."""

STYLE = """\
:root { --ink: #1d2330; --soft: #59617a; --line: #d9dde6; --ground: #f5f6f9; --mark: #2d5db5;
        --band: #b9cbea; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", Verdana, sans-serif; color: var(--ink);
       background: #fff; margin: 0 auto; max-width: 76rem; padding: 1.5rem 1.25rem 3rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; }
a { color: #1f4a96; }
dl.facts { display: grid; grid-template-columns: 8rem 1fr; gap: .35rem 1rem; margin: 0; }
dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; overflow-wrap: anywhere; max-width: 56rem; }
ul.notes { margin: 0; padding-left: 1.2rem; max-width: 60rem; }
ul.notes li { margin: .3rem 0; }
ul.notes li:first-child { font-weight: 600; }
.counts { display: flex; flex-wrap: wrap; gap: .75rem; padding: 0; margin: 0 0 1rem;
          list-style: none; }
.counts li { background: var(--ground); border-radius: .5rem; padding: .6rem 1rem; }
.counts b { display: block; font-size: 1.4rem; line-height: 1.2;
            font-variant-numeric: tabular-nums; }
.columns { display: flex; flex-wrap: wrap; gap: 1rem 3rem; }
.columns h3 { font-size: 1rem; margin: 0 0 .3rem; }
.columns ul { margin: 0; padding-left: 1.2rem; }
table { border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .5rem .9rem .5rem 0; font-weight: normal; }
thead th { color: var(--soft); border-bottom: 2px solid var(--line); vertical-align: bottom;
           font-size: .9rem; }
tbody tr { border-bottom: 1px solid var(--line); }
.plain td, .plain th { padding: .25rem 1.5rem .25rem 0; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
.wide:focus-visible { outline: 2px solid var(--mark); outline-offset: 4px; }
.scores { width: 100%; }
.scores td.picture { width: 96px; }
.scores img { display: block; max-width: 80px; height: auto; border-radius: .3rem;
              border: 1px solid var(--line); }
.scores .none { display: flex; width: 80px; height: 60px; border: 1px dashed var(--line);
                border-radius: .3rem; color: var(--soft); font-size: .75rem; align-items: center;
                justify-content: center; text-align: center; line-height: 1.2; }
.scores th[scope=row] { overflow-wrap: anywhere; min-width: 10rem; max-width: 26rem; }
.scores td.says { min-width: 13rem; }
.scores td.level { min-width: 9.5rem; }
.scores td.cue { min-width: 10rem; font-size: .9rem; }
.small { color: var(--soft); font-size: .85rem; display: block; overflow-wrap: anywhere; }
.number { font-variant-numeric: tabular-nums; }
.bar { position: relative; height: .55rem; margin: .35rem 0 .2rem; max-width: 14rem;
       background: var(--ground); border: 1px solid var(--line); border-radius: .3rem; }
.bar i { position: absolute; top: 0; bottom: 0; background: var(--band); min-width: 2px; }
.bar b { position: absolute; top: -3px; bottom: -3px; width: 3px; margin-left: -1px;
         background: var(--mark); border-radius: 1px; }
.refused { color: #6b4a00; background: #fdf6e3; border-radius: .3rem; padding: .3rem .6rem;
           display: inline-block; overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: .3rem .8rem; margin: 1rem 0; }
nav [aria-current] { font-weight: 700; }
@media (max-width: 46rem) {
  body { padding: 1rem .8rem 2rem; }
  h1 { font-size: 1.35rem; }
  dl.facts { grid-template-columns: 1fr; gap: 0; }
  dl.facts dd { margin-bottom: .6rem; }
  .scores thead { position: absolute; width: 1px; height: 1px; overflow: hidden;
                  clip-path: inset(50%); }
  .scores, .scores tbody, .scores tr { display: block; }
  .scores td, .scores th { display: block; padding: .15rem 0; min-width: 0; max-width: none; }
  .scores td.says, .scores td.level, .scores td.cue, .scores th[scope=row] { min-width: 0;
                                                                            max-width: none; }
  .scores tr { padding: .7rem 0 .7rem 96px; position: relative; min-height: 96px; }
  .scores td.picture { position: absolute; left: 0; top: .7rem; width: 80px; }
  .scores td.cue::before { content: attr(data-head); color: var(--soft); display: block;
                           font-size: .8rem; }
}
@media print { nav { display: none; } tr { break-inside: avoid; } }
"""
