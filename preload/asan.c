/* SPDX-License-Identifier: MIT */
/*
 * A program whose AddressSanitizer is a library ends at once when anything is preloaded before that
 * library, lest it replace malloc unseen. The shim replaces nothing of it: so it answers the
 * question for default options, which AddressSanitizer asks by name, with that it may stay first.
 * A program's own answer goes before this one, and ASAN_OPTIONS before both.
 */
const char *__asan_default_options(void) __attribute__((visibility("default")));

const char *__asan_default_options(void)
{
	return "verify_asan_link_order=0";
}
