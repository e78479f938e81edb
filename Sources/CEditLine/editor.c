// The editor: one libedit with our keys.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "editor.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "input.h"

enum { HISTORY_SIZE = 10000, STYLE_MARK = 1 };

attn_editor *attn_editor_of(EditLine *line) {
  attn_editor *editor = NULL;
  el_wget(line, EL_CLIENTDATA, &editor);
  return editor;
}

static wchar_t *prompt_of(EditLine *line) { return attn_editor_of(line)->prompt; }

void attn_use_locale(void) {
  setlocale(LC_CTYPE, "");
  if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
}

static wchar_t *widened(const char *text, size_t *length) {
  size_t count = mbstowcs(NULL, text, 0);
  if (count == (size_t)-1) count = 0;
  wchar_t *wide = calloc(count + 1, sizeof *wide);
  if (wide != NULL && count > 0) mbstowcs(wide, text, count + 1);
  *length = wide == NULL ? 0 : count;
  return wide;
}

attn_editor *attn_editor_open(attn_key_handler handler, void *context) {
  attn_editor *editor = calloc(1, sizeof *editor);
  if (editor == NULL) return NULL;
  editor->handler = handler;
  editor->context = context;
  editor->line = el_init("attn", stdin, stdout, stderr);
  editor->history = history_winit();
  if (editor->line == NULL || editor->history == NULL) {
    attn_editor_close(editor);
    return NULL;
  }
  EditLine *line = editor->line;
  HistEventW event;
  history_w(editor->history, &event, H_SETSIZE, HISTORY_SIZE);
  history_w(editor->history, &event, H_SETUNIQUE, 1);
  el_wset(line, EL_CLIENTDATA, editor);
  el_wset(line, EL_HIST, history_w, editor->history);
  el_wset(line, EL_SIGNAL, 0);
  el_wset(line, EL_GETCFN, attn_next_character);
  el_wset(line, EL_PROMPT_ESC, prompt_of, STYLE_MARK);
  // Ctrl-C would take away what has been written and not yet shown, Ctrl-S would stop the terminal
  // instead of searching.
  el_wset(line, EL_SETTY, L"-d", L"+noflsh", L"-ixon", NULL);
  attn_bind_keys(editor);
  return editor;
}

void attn_editor_close(attn_editor *editor) {
  if (editor->line != NULL) el_end(editor->line);
  if (editor->history != NULL) history_wend(editor->history);
  free(editor->entry);
  free(editor);
}

// Keeps what was read or broken off, since libedit's line lasts only until the next call.
static void keep(attn_editor *editor, const wchar_t *text, int32_t length) {
  free(editor->entry);
  editor->entry = calloc((size_t)length + 1, sizeof *editor->entry);
  editor->entry_length = editor->entry == NULL ? 0 : length;
  if (editor->entry != NULL) wmemcpy(editor->entry, text, (size_t)length);
}

void attn_editor_hold(attn_editor *editor, bool hold) {
  if (!hold) attn_hold_modes(false);
  // libedit lets go of the terminal for a moment after each entry; nothing is to be echoed then either.
  el_wset(editor->line, EL_SETTY, L"-x", hold ? L"-echo" : L"+echo", hold ? L"+noflsh" : L"-noflsh", NULL);
  el_wset(editor->line, EL_PREP_TERM, hold ? 1 : 0);
  if (hold) attn_hold_modes(true);
}

attn_read attn_editor_read(attn_editor *editor, const char *prompt, const char *style) {
  size_t length;
  wchar_t *text = widened(prompt, &length);
  wchar_t *escape = widened(style, &length);
  // The last thing in a prompt must not be an escape, so the blank stands behind it.
  if (text != NULL && escape != NULL)
    swprintf(editor->prompt, sizeof editor->prompt / sizeof *editor->prompt,
             length > 0 ? L"\1%ls\1%ls\1\033[0m\1 " : L"%ls%ls ", escape, text);
  editor->prompt_width = text == NULL ? 1 : wcswidth(text, 100) + 1;
  free(text);
  free(escape);
  EditLine *line = editor->line;
  attn_restore_modes();
  // libedit would draw the prompt first, and what is typed in between would be echoed.
  attn_editor_hold(editor, true);
  attn_mark_pastes(true);
  attn_attend(true);
  el_resize(line);
  editor->columns = attn_columns();
  editor->is_reading = true;
  editor->is_searching = editor->owes = false;
  editor->drawn = 0;
  int count = 0;
  const wchar_t *entry = el_wgets(line, &count);
  editor->is_reading = false;
  attn_attend(false);
  attn_mark_pastes(false);
  bool was_interrupted = attn_take_interruption();
  if (entry != NULL && count > 0 && !was_interrupted) {
    keep(editor, entry, entry[count - 1] == L'\n' ? count - 1 : count);
    attn_editor_hold(editor, true);
    return ATTN_READ_ENTRY;
  }
  const LineInfoW *info = el_wline(line);
  keep(editor, info->buffer, (int32_t)(info->lastchar - info->buffer));
  // What comes next is to stand below the block.
  attn_go_below(line);
  el_reset(line);
  attn_editor_hold(editor, true);
  return was_interrupted ? ATTN_READ_INTERRUPTED : ATTN_READ_END;
}

int32_t attn_editor_length(attn_editor *editor) {
  if (!editor->is_reading) return editor->entry_length;
  const LineInfoW *info = el_wline(editor->line);
  return (int32_t)(info->lastchar - info->buffer);
}

int32_t attn_editor_cursor(attn_editor *editor) {
  if (!editor->is_reading) return editor->entry_length;
  const LineInfoW *info = el_wline(editor->line);
  return (int32_t)(info->cursor - info->buffer);
}

void attn_editor_copy(attn_editor *editor, uint32_t *scalars, int32_t count) {
  const wchar_t *text = editor->is_reading ? el_wline(editor->line)->buffer : editor->entry;
  int32_t length = attn_editor_length(editor);
  for (int32_t i = 0; i < count && i < length; i++) scalars[i] = (uint32_t)text[i];
}

void attn_editor_replace(attn_editor *editor, int32_t start, int32_t end, const char *text,
                         int32_t cursor) {
  EditLine *line = editor->line;
  el_cursor(line, end - attn_editor_cursor(editor));
  if (end > start) el_deletestr(line, end - start);
  size_t length;
  wchar_t *wide = widened(text, &length);
  if (length > 0) el_winsertstr(line, wide);
  free(wide);
  editor->drawn = start + (int32_t)length;
  el_cursor(line, cursor - attn_editor_cursor(editor));
}

int32_t attn_editor_next(attn_editor *editor) {
  wchar_t next;
  attn_read_ahead(true);
  bool came = el_wgetc(editor->line, &next) == 1;
  attn_read_ahead(false);
  return came ? (int32_t)next : -1;
}

bool attn_editor_is_vi(attn_editor *editor) { return editor->is_vi; }

void attn_editor_search(attn_editor *editor, bool on) { editor->is_searching = on; }

uint32_t attn_editor_searched(attn_editor *editor) { return (uint32_t)editor->searched; }

void attn_editor_push(attn_editor *editor, uint32_t scalar) {
  wchar_t text[] = {(wchar_t)scalar, 0};
  el_wpush(editor->line, text);
}

bool attn_editor_has_more(attn_editor *editor) {
  (void)editor;
  return attn_input_waits(30);
}

void attn_search_takes(EditLine *line, wchar_t *character) {
  attn_editor *editor = attn_editor_of(line);
  if (!editor->is_searching) return;
  editor->searched = *character;
  editor->owes = true;
  *character = ATTN_SEARCHED[0];
}

bool attn_search_owes(EditLine *line, wchar_t *character) {
  attn_editor *editor = attn_editor_of(line);
  if (!editor->owes) return false;
  editor->owes = false;
  *character = ATTN_SEARCHED[1];
  return true;
}

void attn_editor_remember(attn_editor *editor, const char *entry) {
  size_t length;
  HistEventW event;
  wchar_t *wide = widened(entry, &length);
  if (length > 0) history_w(editor->history, &event, H_ENTER, wide);
  free(wide);
}
