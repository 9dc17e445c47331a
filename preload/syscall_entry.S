/* SPDX-License-Identifier: MIT */
/*
 * syscall(2). The five numbers behind the six calls go to a hook. All others go to libc's own
 * function with registers and stack unchanged, as vfork and clone need it.
 *
 * x86-64: brk 12, shmget 29, shmat 30, shmctl 31, shmdt 67.
 * aarch64: brk 214, shmget 194 to shmdt 197.
 */
	.text
	.globl	syscall
	.type	syscall, %function
#if defined(__x86_64__)
	.p2align 4
syscall:
	.cfi_startproc
	endbr64
	cmpq	$12, %rdi
	je	1f
	leaq	-29(%rdi), %rax
	cmpq	$2, %rax
	jbe	1f
	cmpq	$67, %rdi
	je	1f
	movq	shim_libc_syscall(%rip), %rax
	testq	%rax, %rax
	jz	2f
	jmp	*%rax
1:	cmpq	$12, %rdi
	je	hook_syscall_brk
	cmpq	$29, %rdi
	je	hook_syscall_shmget
	cmpq	$30, %rdi
	je	hook_syscall_shmat
	cmpq	$31, %rdi
	je	hook_syscall_shmctl
	jmp	hook_syscall_shmdt
2:	jmp	hook_syscall_early
	.cfi_endproc
#else
	.p2align 2
syscall:
	.cfi_startproc
	hint	#34
	cmp	x0, #214
	b.eq	1f
	sub	x16, x0, #194
	cmp	x16, #3
	b.ls	1f
	adrp	x16, shim_libc_syscall
	ldr	x16, [x16, #:lo12:shim_libc_syscall]
	cbz	x16, 2f
	br	x16
1:	cmp	x0, #214
	b.eq	hook_syscall_brk
	cmp	x0, #194
	b.eq	hook_syscall_shmget
	cmp	x0, #195
	b.eq	hook_syscall_shmctl
	cmp	x0, #196
	b.eq	hook_syscall_shmat
	b	hook_syscall_shmdt
2:	b	hook_syscall_early
	.cfi_endproc
#endif
	.size	syscall, .-syscall
	.section .note.GNU-stack, "", %progbits
