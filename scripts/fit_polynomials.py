#!/usr/bin/env python3
"""Fits the polynomials of codegen/emit/polynomials.h and prints that file.

Each polynomial interpolates its function at Chebyshev nodes (near-minimax: Trefethen 2019,
"Approximation Theory and Approximation Practice", theorem 16.1); the degree is the smallest one whose
error, printed beside it, is below a quarter unit in the last place of the function it serves.
Needs mpmath from PyPI:  python3 -m pip install mpmath
Use:  scripts/fit_polynomials.py > codegen/emit/polynomials.h
"""

from mpmath import mp, mpf, cos, pi, exp, log, erf, erfc, sqrt, sin, lu_solve, matrix, chop

mp.dps = 60


def series(f, at_zero):
    """f with its limit where the formula is 0 / 0."""
    return lambda x: at_zero if abs(x) < mpf(10) ** -25 else f(x)


def interpolate(f, low, high, degree):
    """Coefficients, lowest first, of the polynomial through f at degree + 1 Chebyshev nodes."""
    n = degree + 1
    nodes = [(low + high) / 2 + (high - low) / 2 * cos(pi * (2 * i + 1) / (2 * n)) for i in range(n)]
    rows = matrix(n, n)
    for i, x in enumerate(nodes):
        for j in range(n):
            rows[i, j] = x**j
    return list(lu_solve(rows, matrix([f(x) for x in nodes])))


def worst(f, coefficients, low, high, weight):
    """Largest weighted error over a grid."""
    def value(x):
        total = mpf(0)
        for c in reversed(coefficients):
            total = total * x + c
        return total
    points = [low + (high - low) * i / 400 for i in range(401)]
    return max(abs((value(x) - f(x)) * weight(x)) for x in points)


def fit(f, low, high, weight, unit):
    for degree in range(1, 30):
        coefficients = interpolate(f, low, high, degree)
        error = worst(f, coefficients, low, high, weight)
        if error < unit / 4:
            return coefficients, error
    raise SystemExit("no degree below 30 is enough")


HALF_LN2 = log(2) / 2 * (1 + mpf(2) ** -10)
QUARTER_PI = pi / 4 * (1 + mpf(2) ** -10)
LOG_Z = (3 - 2 * sqrt(mpf(2))) ** 2 * (1 + mpf(2) ** -10)
TOP = {"Float": mpf(4), "Double": mpf(6)}  # beyond it erf rounds to 1

TABLE = [
    # name, what it is, function, interval, weight: error of the polynomial -> relative error of the result
    ("Expm1", "(e^r - 1 - r) / r^2 for |r| <= ln(2) / 2",
     series(lambda r: (exp(r) - 1 - r) / r**2, mpf(1) / 2), lambda t: (-HALF_LN2, HALF_LN2), lambda r: r),
    ("Log", "(ln((1 + s) / (1 - s)) - 2 s) / s^3 of z = s^2, |s| <= 3 - 2 sqrt(2)",
     series(lambda z: (log((1 + sqrt(z)) / (1 - sqrt(z))) - 2 * sqrt(z)) / sqrt(z) ** 3, mpf(2) / 3),
     lambda t: (mpf(0), LOG_Z), lambda z: z / 2),
    ("ErfSmall", "erf(x) / x - 1 of z = x^2, |x| <= 1",
     series(lambda z: erf(sqrt(z)) / sqrt(z) - 1, 2 / sqrt(pi) - 1), lambda t: (mpf(0), mpf(1)), lambda z: 1),
    ("ErfLarge", "-ln(erfc(x)) for 1 <= x",
     lambda x: -log(erfc(x)), lambda t: (mpf(1), TOP[t]), lambda x: erfc(x)),
    ("Sin", "(sin(r) - r) / r^3 of z = r^2, |r| <= pi / 4",
     series(lambda z: (sin(sqrt(z)) - sqrt(z)) / sqrt(z) ** 3, -mpf(1) / 6), lambda t: (mpf(0), QUARTER_PI**2), lambda z: z),
    ("Cos", "(cos(r) - 1 + r^2 / 2) / r^4 of z = r^2, |r| <= pi / 4",
     series(lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2, mpf(1) / 24), lambda t: (mpf(0), QUARTER_PI**2), lambda z: z**2),
]

print("""// Polynomials of the elementary functions, lowest coefficient first. Made by
// scripts/fit_polynomials.py; the errors are those of the polynomials in exact arithmetic, relative to
// the function that is built on them.
#pragma once

namespace cellwright {
""")
for name, what, function, interval, weight in TABLE:
    print(f"// {what}.")
    for kind, unit in (("Float", mpf(2) ** -24), ("Double", mpf(2) ** -53)):
        low, high = interval(kind)
        coefficients, error = fit(function, low, high, weight, unit)
        print(f"// Error {mp.nstr(error, 2)}.")
        print(f"inline constexpr double k{name}{kind}[] = {{")
        for c in coefficients:
            print(f"    {mp.nstr(c, 20)},")
        print("};")
    print()
print("} // namespace cellwright")
