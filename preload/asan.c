/* SPDX-License-Identifier: MIT */
/*
 * AddressSanitizer, when it is a shared library, ends a program in which another library comes
 * before it: that library might replace malloc unseen. The shim replaces none of its functions. So
 * the shim defines the function that AddressSanitizer asks for default options, and answers that
 * the order of libraries is not to be checked. A definition in the program precedes this one, and
 * ASAN_OPTIONS overrides both.
 */
const char *__asan_default_options(void) __attribute__((visibility("default")));

const char *__asan_default_options(void)
{
	return "verify_asan_link_order=0";
}
