/* SPDX-License-Identifier: MIT */
/* A plug-in: calls back from a file that was not loaded when the program began. */
void plugin_call(void (*back)(void));

__attribute__((noinline)) static void inside(void (*back)(void))
{
	back();
	__asm__ volatile("");
}

void plugin_call(void (*back)(void))
{
	inside(back);
	__asm__ volatile("");
}
