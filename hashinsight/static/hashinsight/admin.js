"use strict";

// The page's content policy allows no style and no code that a script writes into it; htmx needs neither here.
htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;

// Charts: figures in the reader's form, and the name of each line where there are several.
addEventListener("DOMContentLoaded", () => {
    if (typeof DEFAULT_CHART_OPTIONS === "undefined") {
        return;
    }
    const { plugins, scales } = DEFAULT_CHART_OPTIONS;
    DEFAULT_CHART_OPTIONS.locale = document.documentElement.lang || "en"; // of the figures beside the mouse
    const figures = new Intl.NumberFormat(document.documentElement.lang || "en");
    scales.y.ticks.callback = function (value) {
        const unit = this.chart.data.datasets.find((line) => line.suffixYAxis)?.suffixYAxis;
        return unit ? `${figures.format(value)} ${unit}` : figures.format(value);
    };
    plugins.legend.display = (context) => context.chart.data.datasets.length > 1;
    Object.assign(plugins.legend.labels, { usePointStyle: false, boxHeight: 0, boxWidth: 20 });
});
