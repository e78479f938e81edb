// Polynomials and constants of vector_math.h and vector_activations.h, lowest power first.
// Printed by Tests/Reference/math_coefficients.py, which says how they are found.
#ifndef ATTN_VECTOR_MATH_COEFFICIENTS_H
#define ATTN_VECTOR_MATH_COEFFICIENTS_H

#include <stdint.h>

#define ATTN_UNUSED __attribute__((unused))

// Part 1 of ln 2.
static const float f32_ln2_1 ATTN_UNUSED = 0x1.62e43p-1f;

// Part 2 of ln 2.
static const float f32_ln2_2 ATTN_UNUSED = -0x1.05c61p-29f;

// Part 1 of ln 2.
static const double f64_ln2_1 ATTN_UNUSED = 0x1.62e42fefa39efp-1;

// Part 2 of ln 2.
static const double f64_ln2_2 ATTN_UNUSED = 0x1.abc9e3b39803fp-56;

// ln 2 in 41 bits, so that a product with an exponent is exact.
static const double f64_ln2_short ATTN_UNUSED = 0x1.62e42fefa3p-1;

// ln 2 less the above.
static const double f64_ln2_rest ATTN_UNUSED = 0x1.3de6af278ece6p-42;

// ln 2 in 15 bits, so that a product with an exponent is exact.
static const float f32_ln2_short ATTN_UNUSED = 0x1.62e4p-1f;

// ln 2 less the above.
static const float f32_ln2_rest ATTN_UNUSED = 0x1.7f7d1cp-20f;

// Part 1 of pi / 2.
static const double f64_half_pi_1 ATTN_UNUSED = 0x1.921fb54442d18p+0;

// Part 2 of pi / 2.
static const double f64_half_pi_2 ATTN_UNUSED = 0x1.1a62633145c07p-54;

// Part 3 of pi / 2.
static const double f64_half_pi_3 ATTN_UNUSED = -0x1.f1976b7ed8fbcp-110;

// 2 / pi.
static const double f64_two_over_pi ATTN_UNUSED = 0x1.45f306dc9c883p-1;

// 1 / ln 2.
static const float f32_log2_e ATTN_UNUSED = 0x1.715476p+0f;

// 1 / ln 2.
static const double f64_log2_e ATTN_UNUSED = 0x1.71547652b82fep+0;

// 1 / sqrt(2 pi).
static const float f32_normal_peak ATTN_UNUSED = 0x1.988454p-2f;

// 1 / sqrt(2 pi).
static const double f64_normal_peak ATTN_UNUSED = 0x1.9884533d43651p-2;

// 2 sqrt(2 / pi).
static const float f32_gelu_1 ATTN_UNUSED = 0x1.988454p+0f;

// What that rounds away.
static const float f32_gelu_1_low ATTN_UNUSED = -0x1.857936p-25f;

// 0.044715 times that.
static const float f32_gelu_3 ATTN_UNUSED = 0x1.2444f2p-4f;

// What that rounds away.
static const float f32_gelu_3_low ATTN_UNUSED = 0x1.49b16ap-29f;

// 2 sqrt(2 / pi).
static const double f64_gelu_1 ATTN_UNUSED = 0x1.9884533d43651p+0;

// What that rounds away.
static const double f64_gelu_1_low ATTN_UNUSED = -0x1.cbc0d30ebfd15p-54;

// 0.044715 times that.
static const double f64_gelu_3 ATTN_UNUSED = 0x1.2444f2a4d8b4bp-4;

// What that rounds away.
static const double f64_gelu_3_low ATTN_UNUSED = -0x1.6c843a29d1c7p-61;

// Part 1 of 2/3.
static const double f64_two_thirds_1 ATTN_UNUSED = 0x1.5555555555555p-1;

// Part 2 of 2/3.
static const double f64_two_thirds_2 ATTN_UNUSED = 0x1.5555555555555p-55;

// 2 / pi in binary: a word of zeros, then the 1216 bits after the point.
static const uint64_t two_over_pi[20] ATTN_UNUSED = {
    0,
    0xa2f9836e4e441529,
    0xfc2757d1f534ddc0,
    0xdb6295993c439041,
    0xfe5163abdebbc561,
    0xb7246e3a424dd2e0,
    0x06492eea09d1921c,
    0xfe1deb1cb129a73e,
    0xe88235f52ebb4484,
    0xe99c7026b45f7e41,
    0x3991d639835339f4,
    0x9c845f8bbdf9283b,
    0x1ff897ffde05980f,
    0xef2f118b5a0a6d1f,
    0x6d367ecf27cb09b7,
    0x4f463f669e5fea2d,
    0x7527bac7ebe5f17b,
    0x3d0739f78a5292ea,
    0x6bfb5fb11f8d5d08,
    0x56033046fc7b6bab,
};

// (exp(r) - 1 - r) / r^2
// Error 2^-28.7 on -0.346608 <= r <= 0.346608.
static const float f32_exp_tail[6] ATTN_UNUSED = {
    0x1p-1f,
    0x1.555556p-3f,
    0x1.5554aep-5f,
    0x1.11109p-7f,
    0x1.6d7484p-10f,
    0x1.a1a13ap-13f,
};

// (log(1 + f) - f + f^2 / 2) / f^3
// Error 2^-28.2 on -0.292893 <= f <= 0.414214.
static const float f32_log_tail[9] ATTN_UNUSED = {
    0x1.555548p-2f,
    -0x1.000006p-2f,
    0x1.99a4b4p-3f,
    -0x1.555c48p-3f,
    0x1.23378ap-3f,
    -0x1.fc22dap-4f,
    0x1.e6ef68p-4f,
    -0x1.de371ap-4f,
    0x1.1453e4p-4f,
};

// erf(x) / x - 1 in z = x^2
// Error 2^-29.4 on 0 <= z <= 1.
static const float f32_erf_tail[7] ATTN_UNUSED = {
    0x1.06eba8p-3f,
    -0x1.81273ep-2f,
    0x1.ce2ce6p-4f,
    -0x1.b7f71ap-6f,
    0x1.53f224p-8f,
    -0x1.a3515cp-11f,
    0x1.4771eap-14f,
};

// -log(erfc(a)), weighted by erfc(a)
// Error 2^-32.7 on 0.98 <= a <= 4.
static const float f32_erfc_log[9] ATTN_UNUSED = {
    -0x1.963e18p-13f,
    0x1.212df2p+0f,
    0x1.442d1cp-1f,
    0x1.bc667ap-4f,
    -0x1.9df7d2p-6f,
    0x1.155a9ep-8f,
    -0x1.d71c8ep-12f,
    0x1.8169ep-16f,
    -0x1.7e338ep-24f,
};

// Phi(-a) exp(a^2 / 2) (a + 3), s = a / (a + 3)
// Error 2^-25.4 on 0 <= s <= 0.833333.
static const float f32_normal_tail[10] ATTN_UNUSED = {
    0x1.8p+0f,
    -0x1.0b94bap+1f,
    0x1.11a09cp+0f,
    0x1.adb526p-3f,
    -0x1.1e8d1p-2f,
    -0x1.36e234p-5f,
    -0x1.349ecp-3f,
    0x1.4ad47ap-2f,
    -0x1.5ca116p-3f,
    0x1.af87a8p-6f,
};

// (2 atanh(s / 2) - s) / s^3 in z = s^2
// Error 2^-35.1 on 0 <= z <= 0.444444.
static const float f32_log1p_tail[6] ATTN_UNUSED = {
    0x1.555556p-4f,
    0x1.9998fcp-7f,
    0x1.24a932p-9f,
    0x1.c46b86p-12f,
    0x1.824f7ap-14f,
    0x1.53cb92p-16f,
};

// (exp(r) - 1 - r) / r^2
// Error 2^-60.6 on -0.346608 <= r <= 0.346608.
static const double f64_exp_tail[11] ATTN_UNUSED = {
    0x1p-1,
    0x1.5555555555559p-3,
    0x1.555555555555ap-5,
    0x1.111111110f6aep-7,
    0x1.6c16c16c1448fp-10,
    0x1.a01a01afe5476p-13,
    0x1.a01a01b0a7b06p-16,
    0x1.71ddf85356823p-19,
    0x1.27e4c5bc09516p-22,
    0x1.af5ebf73be5c2p-26,
    0x1.1f953f2c6fap-29,
};

// (log((1 + s) / (1 - s)) - 2 s) / s^3 in z = s^2
// Error 2^-58.5 on 0 <= z <= 0.0294373.
static const double f64_log_series[7] ATTN_UNUSED = {
    0x1.5555555555592p-1,
    0x1.999999997ff1cp-2,
    0x1.24924941e115cp-2,
    0x1.c71c52148bee4p-3,
    0x1.74663ce0fd95ep-3,
    0x1.39a1ea0b29f1dp-3,
    0x1.2f03ad5284db1p-3,
};

// The same less its first term 2/3, over z: what pow adds to 2/3 held in two parts
// Error 2^-65.3 on 0 <= z <= 0.0294373.
static const double f64_log_series_5[7] ATTN_UNUSED = {
    0x1.9999999999b3p-2,
    0x1.2492492457d6ep-2,
    0x1.c71c722d64299p-3,
    0x1.745ce9e454fb7p-3,
    0x1.3b1eebd5728aap-3,
    0x1.0f7fef231dc0ep-3,
    0x1.0e4273d935f8dp-3,
};

// (sin(r) - r) / r^3 in z = r^2
// Error 2^-58.0 on 0 <= z <= 0.616974.
static const double f64_sin_tail[6] ATTN_UNUSED = {
    -0x1.5555555555549p-3,
    0x1.111111110f8a4p-7,
    -0x1.a01a019c15ca9p-13,
    0x1.71de357ad4b3bp-19,
    -0x1.ae5e6867e40f4p-26,
    0x1.5d9394cb007bdp-33,
};

// (cos(r) - 1 + r^2 / 2) / r^4 in z = r^2
// Error 2^-64.2 on 0 <= z <= 0.616974.
static const double f64_cos_tail[6] ATTN_UNUSED = {
    0x1.555555555554cp-5,
    -0x1.6c16c16c1521ep-10,
    0x1.a01a019cbf383p-16,
    -0x1.27e4f8128cb84p-22,
    0x1.1ee9f12f80d6p-29,
    -0x1.8fb11bcd875bep-37,
};

// (exp(r) - 1 - r) / r^2, enough for f32
// Error 2^-37.5 on -0.346608 <= r <= 0.346608.
static const double f64_exp_short[7] ATTN_UNUSED = {
    0x1.fffffffff460ep-2,
    0x1.5555557385b95p-3,
    0x1.5555557d11b7ap-5,
    0x1.1110b1c72cfccp-7,
    0x1.6c16387517fc1p-10,
    0x1.a16fec023ddc2p-13,
    0x1.a175daceac1bcp-16,
};

// (log((1 + s) / (1 - s)) - 2 s) / s^3 in z = s^2, enough for f32
// Error 2^-36.6 on 0 <= z <= 0.0294373.
static const double f64_log_short[4] ATTN_UNUSED = {
    0x1.555554fd9e541p-1,
    0x1.999a7a8eabcb7p-2,
    0x1.2438d578a68b1p-2,
    0x1.e2f6d2f31d941p-3,
};

// (sin(r) - r) / r^3 in z = r^2, enough for f32
// Error 2^-37.6 on 0 <= z <= 0.616974.
static const double f64_sin_short[4] ATTN_UNUSED = {
    -0x1.5555554cb9281p-3,
    0x1.11110895b1307p-7,
    -0x1.a00f9d29cc274p-13,
    0x1.6cd83a6b6ecbdp-19,
};

// (cos(r) - 1 + r^2 / 2) / r^4, likewise
// Error 2^-43.2 on 0 <= z <= 0.616974.
static const double f64_cos_short[4] ATTN_UNUSED = {
    0x1.5555554f4deeep-5,
    -0x1.6c16b8986f10ap-10,
    0x1.a0111feb43cebp-16,
    -0x1.242ac8d88e893p-22,
};

// erf(x) / x - 1 in z = x^2
// Error 2^-56.1 on 0 <= z <= 1.
static const double f64_erf_tail[13] ATTN_UNUSED = {
    0x1.06eba8214db69p-3,
    -0x1.812746b037a25p-2,
    0x1.ce2f21a045913p-4,
    -0x1.b82ce31356f9cp-6,
    0x1.565bcd2cdf511p-8,
    -0x1.c02db950505e4p-11,
    0x1.f9a3bd5eb55edp-14,
    -0x1.f4dd4b1c539e9p-17,
    0x1.ba6e16251a905p-20,
    -0x1.63bebd1657dc5p-23,
    0x1.142706b9dc4aep-26,
    -0x1.cb5889d16e501p-30,
    0x1.44de9dc6f7e68p-33,
};

// Phi(-a) exp(a^2 / 2) (a + 5), t = 1 - 10 / (a + 5)
// Error 2^-55.4 on -1 <= t <= 0.782609.
static const double f64_normal_tail[24] ATTN_UNUSED = {
    0x1.89d3abe1f95aep-1,
    -0x1.54ad03f27ca18p-1,
    0x1.fb31653876f89p-2,
    -0x1.410ed5f87594fp-2,
    0x1.51f6329f01b82p-3,
    -0x1.1b1c254ca3e22p-4,
    0x1.54b4d4f48c70dp-6,
    -0x1.88590e988b59ap-9,
    -0x1.a250377b300c1p-11,
    0x1.1daf1ae75138cp-11,
    -0x1.f214918444f36p-15,
    -0x1.a17015b245c13p-15,
    0x1.17df05f3e4becp-16,
    0x1.0b151e10376cbp-18,
    -0x1.73df42bcd7b21p-19,
    -0x1.67506e6eaf711p-22,
    0x1.d4556f8ca3c64p-22,
    0x1.59a9a70dd6241p-25,
    -0x1.2c8f8fa042043p-24,
    -0x1.2681e4b0e195p-27,
    0x1.6ed839a6bb468p-27,
    0x1.2dfc062ac6d8ep-29,
    -0x1.348074a53ac2fp-30,
    -0x1.925739e95ae4cp-32,
};

// (2 atanh(s / 2) - s) / s^3 in z = s^2
// Error 2^-66.3 on 0 <= z <= 0.444444.
static const double f64_log1p_tail[12] ATTN_UNUSED = {
    0x1.5555555555555p-4,
    0x1.9999999999affp-7,
    0x1.2492492482026p-9,
    0x1.c71c71d2f6ba2p-12,
    0x1.745d14c1cb2e6p-14,
    0x1.3b14079cad62ap-16,
    0x1.11096bb38b40ap-18,
    0x1.e2cae2bc76164p-21,
    0x1.a5daba26697b4p-23,
    0x1.c42f74b4217bfp-25,
    0x1.9d2c2d375caffp-29,
    0x1.ae6562c5fa577p-28,
};

#endif
