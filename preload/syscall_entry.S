/* SPDX-License-Identifier: MIT */
/*
 * syscall(2). The numbers of the watched calls go to a hook. All others go to libc's own function
 * with registers and stack unchanged, as vfork and clone need it.
 *
 * x86-64: brk 12, shmget 29, shmat 30, shmctl 31, semget 64, semop 65, semctl 66, shmdt 67,
 * msgget 68, msgsnd 69, msgrcv 70, msgctl 71, semtimedop 220.
 * aarch64: msgget 186 to shmdt 197, brk 214.
 *
 * With OPTION_ANONYMOUS, shim_libc_syscall is syscall_of_mappings.
 * x86-64: mmap 9, mprotect 10, munmap 11, mremap 25, madvise 28.
 * aarch64: munmap 215, mremap 216, mmap 222, mprotect 226, madvise 233.
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
	je	hook_syscall_brk
	leaq	-29(%rdi), %rax
	cmpq	$2, %rax
	jbe	1f
	leaq	-64(%rdi), %rax
	cmpq	$7, %rax
	jbe	1f
	cmpq	$220, %rdi
	je	hook_syscall_semtimedop
	movq	shim_libc_syscall(%rip), %rax
	testq	%rax, %rax
	jz	2f
	jmp	*%rax
1:	cmpq	$29, %rdi
	je	hook_syscall_shmget
	cmpq	$30, %rdi
	je	hook_syscall_shmat
	cmpq	$31, %rdi
	je	hook_syscall_shmctl
	cmpq	$64, %rdi
	je	hook_syscall_semget
	cmpq	$65, %rdi
	je	hook_syscall_semop
	cmpq	$66, %rdi
	je	hook_syscall_semctl
	cmpq	$67, %rdi
	je	hook_syscall_shmdt
	cmpq	$68, %rdi
	je	hook_syscall_msgget
	cmpq	$69, %rdi
	je	hook_syscall_msgsnd
	cmpq	$70, %rdi
	je	hook_syscall_msgrcv
	jmp	hook_syscall_msgctl
2:	jmp	hook_syscall_early
	.cfi_endproc
	.size	syscall, .-syscall

	.globl	syscall_of_mappings
	.hidden	syscall_of_mappings
	.type	syscall_of_mappings, %function
	.p2align 4
syscall_of_mappings:
	.cfi_startproc
	endbr64
	cmpq	$9, %rdi
	je	hook_syscall_mmap
	cmpq	$10, %rdi
	je	hook_syscall_mprotect
	cmpq	$11, %rdi
	je	hook_syscall_munmap
	cmpq	$25, %rdi
	je	hook_syscall_mremap
	cmpq	$28, %rdi
	je	hook_syscall_madvise
	jmp	*shim_own_syscall(%rip)
	.cfi_endproc
	.size	syscall_of_mappings, .-syscall_of_mappings
#else
	.p2align 2
syscall:
	.cfi_startproc
	hint	#34
	cmp	x0, #214
	b.eq	hook_syscall_brk
	sub	x16, x0, #186
	cmp	x16, #11
	b.ls	1f
	adrp	x16, shim_libc_syscall
	ldr	x16, [x16, #:lo12:shim_libc_syscall]
	cbz	x16, 2f
	br	x16
1:	cmp	x0, #186
	b.eq	hook_syscall_msgget
	cmp	x0, #187
	b.eq	hook_syscall_msgctl
	cmp	x0, #188
	b.eq	hook_syscall_msgrcv
	cmp	x0, #189
	b.eq	hook_syscall_msgsnd
	cmp	x0, #190
	b.eq	hook_syscall_semget
	cmp	x0, #191
	b.eq	hook_syscall_semctl
	cmp	x0, #192
	b.eq	hook_syscall_semtimedop
	cmp	x0, #193
	b.eq	hook_syscall_semop
	cmp	x0, #194
	b.eq	hook_syscall_shmget
	cmp	x0, #195
	b.eq	hook_syscall_shmctl
	cmp	x0, #196
	b.eq	hook_syscall_shmat
	b	hook_syscall_shmdt
2:	b	hook_syscall_early
	.cfi_endproc
	.size	syscall, .-syscall

	.globl	syscall_of_mappings
	.hidden	syscall_of_mappings
	.type	syscall_of_mappings, %function
	.p2align 2
syscall_of_mappings:
	.cfi_startproc
	hint	#34
	cmp	x0, #215
	b.eq	hook_syscall_munmap
	cmp	x0, #216
	b.eq	hook_syscall_mremap
	cmp	x0, #222
	b.eq	hook_syscall_mmap
	cmp	x0, #226
	b.eq	hook_syscall_mprotect
	cmp	x0, #233
	b.eq	hook_syscall_madvise
	adrp	x16, shim_own_syscall
	ldr	x16, [x16, #:lo12:shim_own_syscall]
	br	x16
	.cfi_endproc
	.size	syscall_of_mappings, .-syscall_of_mappings
#endif
	.section .note.GNU-stack, "", %progbits
