/* Durations by steps of 10 us up to a second; what is longer counts as the last step, the maximum is exact. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

enum { BIN_US = 10, BINS = 100000 };

struct histogram {
    uint32_t bins[BINS];
    uint64_t count;
    uint64_t most_ns;
};

static void note(struct histogram *histogram, uint64_t value_ns)
{
    uint64_t bin = value_ns / (BIN_US * 1000u);
    histogram->bins[bin < BINS ? bin : BINS - 1]++;
    histogram->count++;
    if (value_ns > histogram->most_ns)
        histogram->most_ns = value_ns;
}

/* The upper edge of the bin that holds this share of the values, in milliseconds. */
static double quantile_ms(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)((double)histogram->count * share), passed = 0;
    for (int bin = 0; bin < BINS; bin++) {
        passed += histogram->bins[bin];
        if (passed > wanted) {
            double edge_ms = (bin + 1) * BIN_US / 1000.0, most_ms = (double)histogram->most_ns / 1e6;
            return edge_ms < most_ms ? edge_ms : most_ms;
        }
    }
    return (double)histogram->most_ns / 1e6;
}

static void print_quantiles(const char *name, const struct histogram *histogram)
{
    printf(", \"%s_p50_ms\": %.3f, \"%s_p99_ms\": %.3f, \"%s_p999_ms\": %.3f, \"%s_max_ms\": %.3f", name,
           quantile_ms(histogram, 0.50), name, quantile_ms(histogram, 0.99), name, quantile_ms(histogram, 0.999), name,
           (double)histogram->most_ns / 1e6);
}

#endif
