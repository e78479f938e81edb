// Characters from the terminal, and the signals that come between them.
#ifndef ATTN_INPUT_H
#define ATTN_INPUT_H

#include <stdbool.h>
#include <wchar.h>

#include <histedit.h>

// The next character: 1, 0 at the end of the input, -1 after Ctrl-C.
int attn_next_character(EditLine *line, wchar_t *to);

// Whether the last read ended by Ctrl-C; asked once.
bool attn_take_interruption(void);

// Asks a terminal to mark what is pasted.
void attn_mark_pastes(bool on);

// Ctrl-Z is answered here while a line is read, since the terminal has to be put right first.
void attn_answer_suspension(bool on);

#endif
