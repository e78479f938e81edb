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

// Whether a line is read: what was typed belongs to it, Ctrl-\ does nothing, and Ctrl-Z lets go of the
// line first.
void attn_attend(bool on);
// Ctrl-\ means another program.
void attn_ignore_quit(bool on);

// The terminal as it is now is to be found again when the program goes on after a stop; `false` where
// it is the shell's.
void attn_hold_modes(bool on);
// The terminal as it is to be held, where a shell has changed it without a word: from the background a
// program comes to the front without a signal.
void attn_restore_modes(void);

// Reads ahead, for pastes. What is left over is typed next.
void attn_read_ahead(bool on);
bool attn_input_waits(int milliseconds);

// Draws the line anew in a window of another size, or behind what a shell has written.
void attn_redraw(EditLine *line, bool is_elsewhere);
// Goes below the line.
void attn_go_below(EditLine *line);
// While the history is searched, two characters come in the place of each that is typed, which are
// bound to a key of ours: the first from what was typed, then the one that is owed.
void attn_search_takes(EditLine *line, wchar_t *character);
bool attn_search_owes(EditLine *line, wchar_t *character);

#endif
