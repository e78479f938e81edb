#!/usr/bin/env python3
"""Prints Sources/CKernels/vector/vector_math_coefficients.h: the polynomials behind exp, log, sin, cos,
tanh, erf, gelu, softplus and pow.

Each polynomial is the best one in the weighted maximum norm (Remez exchange in 60-digit
arithmetic, mpmath). Its coefficients are then rounded to the working precision: on an interval that
starts at 0 one at a time from the constant term up, where the ones above are fitted again after
each rounding and take up what it left; elsewhere all at once, because the powers left over vanish
at 0, inside the interval. The comment above each array gives the interval and the error that remains.
Nothing here is needed to build. With --check PATH it compares its output with that file instead.
"""

import struct
import sys

from mpmath import mp, mpf

mp.dps = 60


# MARK: Best polynomials

def solve(f, weight, nodes, degree, fixed):
    """p with |weight * (f - p)| = e at all nodes, alternating in sign; p starts with `fixed`."""
    free = range(len(fixed), degree + 1)
    a = mp.matrix(len(nodes), len(nodes))
    b = mp.matrix(len(nodes), 1)
    for i, x in enumerate(nodes):
        for j, power in enumerate(free):
            a[i, j] = x ** power
        a[i, len(nodes) - 1] = (-1) ** i / weight(x)
        b[i] = f(x) - sum(c * x ** k for k, c in enumerate(fixed))
    s = mp.lu_solve(a, b)
    return list(fixed) + [s[j] for j in range(len(nodes) - 1)]


def value(p, x):
    y = mpf(0)
    for c in reversed(p):
        y = y * x + c
    return y


def remez(f, weight, low, high, degree, fixed, grid):
    """Best p of this degree on [low, high]. `grid` holds (x, f(x), weight(x)) for the search."""
    count = degree + 2 - len(fixed)
    middle, half = (low + high) / 2, (high - low) / 2
    nodes = [middle - half * mp.cos(mp.pi * (i + mpf(1) / 2) / count) for i in range(count)]
    for _ in range(12):
        p = solve(f, weight, nodes, degree, fixed)
        errors = [w * (y - value(p, x)) for x, y, w in grid]
        peaks, start = [], 0
        for i in range(1, len(grid) + 1):
            if i == len(grid) or (errors[i] > 0) != (errors[start] > 0):
                peaks.append(max(range(start, i), key=lambda k: abs(errors[k])))
                start = i
        while len(peaks) > count:
            peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
        worst = max(abs(e) for e in errors)
        if len(peaks) < count:
            break
        nodes = [grid[k][0] for k in peaks]
        if worst < mpf("1.02") * min(abs(errors[k]) for k in peaks):
            break
    return p, worst


def rounded(c, bits):
    return mpf(float(c)) if bits == 53 else mpf(struct.unpack("f", struct.pack("f", float(c)))[0])


def fit(f, weight, low, high, degree, bits):
    low, high = mpf(low), mpf(high)
    middle, half = (low + high) / 2, (high - low) / 2
    points = 40 * (degree + 2)
    xs = [middle - half * mp.cos(mp.pi * (i + mpf(1) / 2) / points) for i in range(points)]
    grid = [(x, f(x), weight(x)) for x in xs]
    known = []
    while len(known) <= degree:
        p, _ = remez(f, weight, low, high, degree, known, grid)
        known += [rounded(c, bits) for c in (p if low < 0 else p[len(known):len(known) + 1])]
    return known, max(abs(w * (y - value(known, x))) for x, y, w in grid)


# MARK: Printing

def literal(c, bits):
    digits, exponent = float(c).hex().split("p")
    return digits.rstrip("0").rstrip(".") + "p" + exponent + ("f" if bits == 32 else "")


def array(name, comment, coefficients, bits):
    kind = "float" if bits == 32 else "double"
    lines = [f"// {line}" for line in comment]
    lines.append(f"static const {kind} {name}[{len(coefficients)}] ATTN_UNUSED = {{")
    lines += [f"    {literal(c, bits)}," for c in coefficients]
    lines.append("};")
    return "\n".join(lines)


out = []


def polynomial(name, what, variable, f, weight, low, high, degree, bits):
    p, error = fit(f, weight, low, high, degree, 53 if bits == 64 else 24)
    measure = f"Error 2^{float(mp.log(error, 2)):.1f} on {float(low):.6g} <= {variable} <= {float(high):.6g}."
    out.append(array(name, [what, measure], p, bits))
    print(name, measure, file=sys.stderr)


def constant(name, comment, c, bits):
    kind = "float" if bits == 32 else "double"
    out.append(f"// {comment}\nstatic const {kind} {name} ATTN_UNUSED = {literal(c, bits)};")


# MARK: The functions

# Off zero, where these quotients are 0 / 0; 60 digits leave more than enough of them.
def away(x):
    return x if abs(x) > mpf("1e-12") else mpf("1e-12")


ln2 = mp.log(2)
half_pi = mp.pi / 2


def exp_tail(r):
    r = away(r)
    return (mp.expm1(r) - r) / r ** 2


def log_tail(f):
    f = away(f)
    return (mp.log1p(f) - f + f ** 2 / 2) / f ** 3


def atanh_tail(z):  # 2 atanh(s / 2) = s + s z T(z), z = s^2
    s = mp.sqrt(away(z))
    return (2 * mp.atanh(s / 2) - s) / s ** 3


def log_series(z):  # log((1 + s) / (1 - s)) = 2 s + s z T(z), z = s^2
    s = mp.sqrt(away(z))
    return (2 * mp.atanh(s) - 2 * s) / s ** 3


def sin_tail(z):
    r = mp.sqrt(away(z))
    return (mp.sin(r) - r) / r ** 3


def cos_tail(z):
    r = mp.sqrt(away(z))
    return (mp.cos(r) - 1 + z / 2) / r ** 4


def erf_tail(z):
    x = mp.sqrt(away(z))
    return mp.erf(x) / x - 1


def normal_tail(a):  # Phi(-a) exp(a^2 / 2)
    if a > 8:  # by its continued fraction, which is quick there
        y = mpf(0)
        for i in range(400, 0, -1):
            y = i / (a + y)
        return 1 / ((a + y) * mp.sqrt(2 * mp.pi))
    return mp.erfc(a / mp.sqrt(2)) / 2 * mp.exp(a ** 2 / 2)


def normal_factor(t, k):
    a = k * (1 + t) / (1 - t)
    return normal_tail(a) * (a + k)


def f32_part():
    b = ln2 / 2 * mpf("1.0001")
    polynomial("f32_exp_tail", "(exp(r) - 1 - r) / r^2", "r", exp_tail,
               lambda r: max(abs(r), mpf("0.03")), -b, b, 5, 32)
    polynomial("f32_log_tail", "(log(1 + f) - f + f^2 / 2) / f^3", "f", log_tail,
               lambda f: max(abs(away(f) ** 3 / mp.log1p(away(f))), mpf("0.001")),
               mp.sqrt(mpf(1) / 2) - 1, mp.sqrt(2) - 1, 8, 32)
    polynomial("f32_erf_tail", "erf(x) / x - 1 in z = x^2", "z", erf_tail,
               lambda z: 1 / (1 + erf_tail(z)), 0, 1, 6, 32)
    polynomial("f32_erfc_log", "-log(erfc(a)), weighted by erfc(a)", "a",
               lambda a: -mp.log(mp.erfc(a)), lambda a: mp.erfc(a), mpf("0.98"), 4, 8, 32)
    k = mpf(NORMAL_SHIFT_F32)
    polynomial("f32_normal_tail",
               f"Phi(-a) exp(a^2 / 2) (a + {NORMAL_SHIFT_F32}), s = a / (a + {NORMAL_SHIFT_F32})",
               "s", lambda s: normal_factor(2 * s - 1, k), lambda s: 1 / normal_factor(2 * s - 1, k),
               0, mpf(15) / (mpf(15) + k), 9, 32)
    polynomial("f32_log1p_tail", "(2 atanh(s / 2) - s) / s^3 in z = s^2", "z", atanh_tail,
               lambda z: z / (1 + z * atanh_tail(z)) + mpf("1e-9"), 0, mpf(4) / 9, 5, 32)


def f64_part():
    b = ln2 / 2 * mpf("1.0001")
    polynomial("f64_exp_tail", "(exp(r) - 1 - r) / r^2", "r", exp_tail,
               lambda r: max(abs(r), mpf("0.03")), -b, b, 10, 64)
    polynomial("f64_log_series", "(log((1 + s) / (1 - s)) - 2 s) / s^3 in z = s^2", "z",
               log_series, lambda z: z + mpf("1e-9"), 0, ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2,
               6, 64)
    polynomial("f64_log_series_5",
               "The same less its first term 2/3, over z: what pow adds to 2/3 held in two parts", "z",
               lambda z: (log_series(away(z)) - mpf(2) / 3) / away(z), lambda z: z ** 2 + mpf("1e-9"),
               0, ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2, 6, 64)
    z = (mp.pi / 4 * mpf("1.0001")) ** 2
    polynomial("f64_sin_tail", "(sin(r) - r) / r^3 in z = r^2", "z", sin_tail,
               lambda z: z + mpf("1e-9"), 0, z, 5, 64)
    polynomial("f64_cos_tail", "(cos(r) - 1 + r^2 / 2) / r^4 in z = r^2", "z", cos_tail,
               lambda z: z ** 2 + mpf("1e-9"), 0, z, 5, 64)
    polynomial("f64_exp_short", "(exp(r) - 1 - r) / r^2, enough for f32", "r", exp_tail,
               lambda r: max(abs(r), mpf("0.03")), -b, b, 6, 64)
    polynomial("f64_log_short", "(log((1 + s) / (1 - s)) - 2 s) / s^3 in z = s^2, enough for f32",
               "z", log_series, lambda z: z + mpf("1e-9"), 0,
               ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2, 3, 64)
    polynomial("f64_sin_short", "(sin(r) - r) / r^3 in z = r^2, enough for f32", "z", sin_tail,
               lambda z: z + mpf("1e-9"), 0, z, 3, 64)
    polynomial("f64_cos_short", "(cos(r) - 1 + r^2 / 2) / r^4, likewise", "z", cos_tail,
               lambda z: z ** 2 + mpf("1e-9"), 0, z, 3, 64)
    polynomial("f64_erf_tail", "erf(x) / x - 1 in z = x^2", "z", erf_tail,
               lambda z: 1 / (1 + erf_tail(z)), 0, 1, 12, 64)
    k = mpf(NORMAL_SHIFT_F64)
    polynomial("f64_normal_tail",
               f"Phi(-a) exp(a^2 / 2) (a + {NORMAL_SHIFT_F64}), t = 1 - {2 * NORMAL_SHIFT_F64} / (a + {NORMAL_SHIFT_F64})",
               "t", lambda t: normal_factor(t, k), lambda t: 1 / normal_factor(t, k),
               -1, (mpf(41) - k) / (mpf(41) + k), NORMAL_DEGREE_F64, 64)
    polynomial("f64_log1p_tail", "(2 atanh(s / 2) - s) / s^3 in z = s^2", "z", atanh_tail,
               lambda z: z / (1 + z * atanh_tail(z)) + mpf("1e-9"), 0, mpf(4) / 9, 11, 64)


def split(c, bits, parts):
    """c as a sum of `parts` numbers of `bits` bits."""
    pieces = []
    for _ in range(parts):
        p = rounded(c, bits)
        pieces.append(p)
        c -= p
    return pieces


def constants():
    for i, p in enumerate(split(ln2, 24, 2)):
        constant(f"f32_ln2_{i + 1}", f"Part {i + 1} of ln 2.", p, 32)
    for i, p in enumerate(split(ln2, 53, 2)):
        constant(f"f64_ln2_{i + 1}", f"Part {i + 1} of ln 2.", p, 64)
    high = mp.floor(ln2 * 2 ** 41) / 2 ** 41
    constant("f64_ln2_short", "ln 2 in 41 bits, so that a product with an exponent is exact.", high, 64)
    constant("f64_ln2_rest", "ln 2 less the above.", ln2 - high, 64)
    short = mp.floor(ln2 * 2 ** 15) / 2 ** 15
    constant("f32_ln2_short", "ln 2 in 15 bits, so that a product with an exponent is exact.", short, 32)
    constant("f32_ln2_rest", "ln 2 less the above.", rounded(ln2 - short, 24), 32)
    for i, p in enumerate(split(half_pi, 53, 3)):
        constant(f"f64_half_pi_{i + 1}", f"Part {i + 1} of pi / 2.", p, 64)
    constant("f64_two_over_pi", "2 / pi.", 2 / mp.pi, 64)
    constant("f32_log2_e", "1 / ln 2.", rounded(1 / ln2, 24), 32)
    constant("f64_log2_e", "1 / ln 2.", 1 / ln2, 64)
    constant("f32_normal_peak", "1 / sqrt(2 pi).", rounded(1 / mp.sqrt(2 * mp.pi), 24), 32)
    constant("f64_normal_peak", "1 / sqrt(2 pi).", 1 / mp.sqrt(2 * mp.pi), 64)
    for bits in (32, 64):
        places = 24 if bits == 32 else 53
        first = 2 * mp.sqrt(2 / mp.pi)
        for power, c, comment in ((1, first, "2 sqrt(2 / pi)."), (3, first * mpf("0.044715"), "0.044715 times that.")):
            high, low = split(c, places, 2)
            constant(f"f{bits}_gelu_{power}", comment, high, bits)
            constant(f"f{bits}_gelu_{power}_low", "What that rounds away.", low, bits)
    for i, p in enumerate(split(mpf(2) / 3, 53, 2)):
        constant(f"f64_two_thirds_{i + 1}", f"Part {i + 1} of 2/3.", p, 64)
    mp.prec = 1600
    bits = int(mp.floor(2 / mp.pi * mpf(2) ** (19 * 64)))
    words = [(bits >> (64 * (18 - i))) & (2 ** 64 - 1) for i in range(19)]
    mp.dps = 60
    lines = ["// 2 / pi in binary: a word of zeros, then the 1216 bits after the point.",
             "static const uint64_t two_over_pi[20] ATTN_UNUSED = {", "    0,"]
    lines += [f"    0x{w:016x}," for w in words]
    lines.append("};")
    out.append("\n".join(lines))


NORMAL_SHIFT_F32 = 3
NORMAL_SHIFT_F64 = 5
NORMAL_DEGREE_F64 = 23

HEADER = """\
// Polynomials and constants of vector_math.h and vector_activations.h, lowest power first.
// Printed by Tests/Reference/math_coefficients.py, which says how they are found.
#ifndef ATTN_VECTOR_MATH_COEFFICIENTS_H
#define ATTN_VECTOR_MATH_COEFFICIENTS_H

#include <stdint.h>

#define ATTN_UNUSED __attribute__((unused))
"""


def main():
    constants()
    f32_part()
    f64_part()
    text = HEADER + "\n" + "\n\n".join(out) + "\n\n#endif\n"
    if "--check" in sys.argv:
        path = sys.argv[sys.argv.index("--check") + 1]
        same = open(path).read() == text
        print("same" if same else "different")
        sys.exit(0 if same else 1)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
