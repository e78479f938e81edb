// What the files of the editor share.
#ifndef ATTN_EDITOR_H
#define ATTN_EDITOR_H

#include <stdbool.h>
#include <stdint.h>
#include <wchar.h>

#include <histedit.h>

#include "include/CEditLine.h"

struct attn_editor {
  EditLine *line;
  HistoryW *history;
  attn_key_handler handler;
  void *context;
  wchar_t prompt[128];
  // The columns that the prompt takes.
  int prompt_width;
  // The window's, when the line was last drawn.
  int columns;
  // How much of the line libedit has drawn from its own memory of it; the rest was written as typed.
  int32_t drawn;
  // What was read, once reading has ended.
  wchar_t *entry;
  int32_t entry_length;
  bool is_reading, is_vi;
  // While the history is searched: the character at hand, and whether the rest of its key is owed.
  bool is_searching, owes;
  wchar_t searched;
};

// What a handler can't do itself, libedit's own functions do, and keys that are no key of the user's
// lead to it: sequences behind a character that the terminal makes a signal of.
#define ATTN_ACCEPT L"\0341"
#define ATTN_SEARCHED L"\0345"

attn_editor *attn_editor_of(EditLine *line);
// Our keys, and then the user's ~/.editrc.
void attn_bind_keys(attn_editor *editor);
// The columns of the window.
int attn_columns(void);

#endif
