"use strict";

// The page's content policy allows no style and no code that a script writes into it; htmx needs neither here.
htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;
