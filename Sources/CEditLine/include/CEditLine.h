// libedit behind a few plain functions: its variadic calls, stdio and the locale stay in C.
//
// Texts go in as UTF-8. The line being edited is read as Unicode scalars, one by one: libedit counts
// wide characters, which are scalars here. One editor a process, used on its main thread.
#ifndef ATTN_EDIT_LINE_H
#define ATTN_EDIT_LINE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct attn_editor attn_editor;

// Keys that the caller answers itself. What each is bound to stands in bindings.c.
typedef enum {
  ATTN_KEY_ENTER,
  ATTN_KEY_NEWLINE,
  ATTN_KEY_COMPLETE,
  ATTN_KEY_UP,
  ATTN_KEY_DOWN,
  ATTN_KEY_LEFT,
  ATTN_KEY_RIGHT,
  ATTN_KEY_HOME,
  ATTN_KEY_END,
  ATTN_KEY_BACKSPACE,
  ATTN_KEY_DELETE,
  ATTN_KEY_DELETE_OR_LEAVE,
  ATTN_KEY_KILL,
  ATTN_KEY_SEARCH,
  ATTN_KEY_PASTE,
  ATTN_KEY_CLOSE_BRACE,
  ATTN_KEY_CLOSE_PARENTHESIS,
  ATTN_KEY_CLOSE_BRACKET,
  // A character while the history is searched: attn_editor_searched.
  ATTN_KEY_SEARCHED,
} attn_key;

// What an answer to a key comes to.
typedef enum {
  ATTN_EDIT_SHOW,       // draw what has changed
  ATTN_EDIT_REDRAW,     // other text was written: draw all of it anew
  ATTN_EDIT_REFUSE,     // ring the bell
  ATTN_EDIT_ACCEPT,     // the entry is finished
  ATTN_EDIT_LEAVE,      // the end of the input
} attn_edit;

typedef attn_edit (*attn_key_handler)(void *context, attn_key key);

// What reading came to.
typedef enum {
  ATTN_READ_ENTRY,
  ATTN_READ_END,
  ATTN_READ_INTERRUPTED,
} attn_read;

// Sets the locale of characters alone, so that numbers keep their decimal point; UTF-8 where the
// environment asks for something else.
void attn_use_locale(void);

// Null where the terminal can't be driven. The user's ~/.editrc has been read then, and what it binds
// wins.
attn_editor *attn_editor_open(attn_key_handler handler, void *context);
void attn_editor_close(attn_editor *editor);

// Reads an entry into the line. `style` is an escape sequence around the prompt, or empty.
attn_read attn_editor_read(attn_editor *editor, const char *prompt, const char *style);

// Between two entries the terminal stays as it is while one is edited, so that what is typed while
// something runs is not echoed into its output. Let go of it for other programs.
void attn_editor_hold(attn_editor *editor, bool hold);

// The line, while it is edited and after it has been read or interrupted.
int32_t attn_editor_length(attn_editor *editor);
int32_t attn_editor_cursor(attn_editor *editor);
void attn_editor_copy(attn_editor *editor, uint32_t *scalars, int32_t count);

// While it is edited: puts text in the place of start..<end, and the cursor at `cursor`.
void attn_editor_replace(attn_editor *editor, int32_t start, int32_t end, const char *text,
                         int32_t cursor);
// The next character of a paste; negative at the end of the input.
int32_t attn_editor_next(attn_editor *editor);
bool attn_editor_is_vi(attn_editor *editor);

// While it searches, every character that is typed comes as ATTN_KEY_SEARCHED.
void attn_editor_search(attn_editor *editor, bool on);
uint32_t attn_editor_searched(attn_editor *editor);
// Types a character for the user, ahead of what is typed.
void attn_editor_push(attn_editor *editor, uint32_t scalar);
// Whether more has been typed, after a moment for the rest of an escape sequence.
bool attn_editor_has_more(attn_editor *editor);

// For libedit's own functions, which a user may bind; Up, Down and Ctrl-R are the caller's.
void attn_editor_remember(attn_editor *editor, const char *entry);

// Answers Ctrl-C by `handler` and lets it break off a read. Off the main thread, attn_block_signals
// keeps signals away from a thread that would not answer them.
void attn_on_interrupt(void (*handler)(int));
void attn_block_signals(void);

// Where there is no editor: waits until something can be read from the terminal; false after Ctrl-C.
bool attn_wait_for_input(void);

// What was to stop a computation is not meant for the entry that follows.
void attn_forget_interruption(void);

// Runs a shell command with `file` as its argument, on the terminal as it is; its exit status.
int32_t attn_run_program(const char *command, const char *file);

#endif
