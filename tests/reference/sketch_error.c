/*
 * How far the count of distinct viewers is off: sketch_error TRIALS. Prints a line for each size
 * and ends with 1 unless at 1 M viewers 99 % of the trials are within 2.5 %.
 */
#include "consumer/sketch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const uint64_t sizes[] = {257, 500, 1000, 5000, 20000, 50000, 100000, 300000, 1000000};
enum { SIZE_COUNT = sizeof sizes / sizeof sizes[0], TRIALS_MAX = 100000 };

/* splitmix64: a row of random looking numbers for each seed. */
static uint64_t next_hash(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15U;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
    z = (z ^ z >> 27) * 0x94D049BB133111EBU;
    return z ^ z >> 31;
}

/* Relative errors of one trial, at each size on its way up. */
static void try_once(struct sketch *s, uint64_t seed, double errors[SIZE_COUNT])
{
    uint64_t n = 0;
    sketch_reset(s);
    for (size_t i = 0; i < SIZE_COUNT; i++) {
        for (; n < sizes[i]; n++) {
            (void)sketch_add(s, next_hash(&seed));
        }
        errors[i] = (double)sketch_count(s) / (double)n - 1;
    }
}

static int by_size(const void *left, const void *right)
{
    double a = fabs(*(const double *)left), b = fabs(*(const double *)right);
    return (a > b) - (a < b);
}

/* Prints the line of one size; returns the error that 99 % of the trials keep within. */
static double print_line(uint64_t size, double *errors, size_t trials)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < trials; i++) {
        sum += errors[i];
        squares += errors[i] * errors[i];
    }
    qsort(errors, trials, sizeof errors[0], by_size);
    double within = fabs(errors[(trials * 99 + 99) / 100 - 1]);
    (void)printf("%9llu %8zu %+8.3f %8.3f %10.3f %8.3f\n", (unsigned long long)size, trials,
                 100 * sum / (double)trials, 100 * sqrt(squares / (double)trials), 100 * within,
                 100 * fabs(errors[trials - 1]));
    return within;
}

int main(int argc, char **argv)
{
    long trials = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
    if (trials < 1 || trials > TRIALS_MAX) {
        (void)fprintf(stderr, "usage: sketch_error TRIALS (1 to %d)\n", TRIALS_MAX);
        return 2;
    }
    double(*errors)[SIZE_COUNT] = calloc((size_t)trials, sizeof *errors);
    double *column = calloc((size_t)trials, sizeof *column);
    struct sketch *s = sketch_new();
    if (errors == NULL || column == NULL || s == NULL) {
        return 1;
    }
    for (long i = 0; i < trials; i++) {
        try_once(s, (uint64_t)i << 32, errors[i]);
    }
    (void)puts("  viewers   trials   mean %    rms %   99 % in %    max %");
    double within = 0;
    for (size_t k = 0; k < SIZE_COUNT; k++) {
        for (long i = 0; i < trials; i++) {
            column[i] = errors[i][k];
        }
        within = print_line(sizes[k], column, (size_t)trials);
    }
    free(errors);
    free(column);
    sketch_free(s);
    return within <= 0.025 ? 0 : 1;
}
