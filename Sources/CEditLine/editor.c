// The editor: one libedit with our keys.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "include/CEditLine.h"

#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "input.h"

enum { HISTORY_SIZE = 10000, STYLE_MARK = 1 };

struct attn_editor {
  EditLine *line;
  HistoryW *history;
  attn_key_handler handler;
  void *context;
  wchar_t prompt[128];
  // What was read, once reading has ended.
  wchar_t *entry;
  int32_t entry_length;
  bool is_reading, is_vi;
  // How many entries back in the history the line is, at the most.
  int32_t depth;
};

// libedit gives a key's function nothing but the editor, so each has a function of its own. What a
// handler can't do itself, libedit's own functions do: they are bound to sequences behind a character
// that the terminal makes a signal of.
#define ACCEPT L"\0341"
#define EARLIER L"\0342"
#define LATER L"\0343"
#define SEARCH L"\0344"

static int32_t history_size(attn_editor *editor) {
  HistEventW event;
  return history_w(editor->history, &event, H_GETSIZE) < 0 ? 0 : event.num;
}

static unsigned char answer(EditLine *line, attn_key key) {
  attn_editor *editor = NULL;
  el_wget(line, EL_CLIENTDATA, &editor);
  switch (editor->handler(editor->context, key)) {
    case ATTN_EDIT_SHOW: return CC_REFRESH;
    case ATTN_EDIT_REDRAW: return CC_REDISPLAY;
    case ATTN_EDIT_REFUSE: return CC_ERROR;
    case ATTN_EDIT_LEAVE: return CC_EOF;
    // From an upper line of a block only libedit's own function finds the way below it.
    case ATTN_EDIT_ACCEPT: el_wpush(line, ACCEPT); return CC_REFRESH;
    case ATTN_EDIT_EARLIER:
      if (editor->depth < history_size(editor)) editor->depth++;
      el_wpush(line, EARLIER);
      return CC_NORM;
    case ATTN_EDIT_LATER:
      // Behind the newest there is what is being typed, which libedit would put an older text over.
      if (editor->depth == 0) return CC_ERROR;
      editor->depth--;
      el_wpush(line, LATER);
      return CC_NORM;
    case ATTN_EDIT_SEARCH:
      editor->depth = history_size(editor);
      el_wpush(line, SEARCH);
      return CC_NORM;
  }
  return CC_NORM;
}

#define KEY(NAME) \
  static unsigned char key_##NAME(EditLine *line, int c) { (void)c; return answer(line, ATTN_KEY_##NAME); }
KEY(ENTER) KEY(NEWLINE) KEY(COMPLETE) KEY(UP) KEY(DOWN) KEY(LEFT) KEY(RIGHT) KEY(HOME) KEY(END)
KEY(BACKSPACE) KEY(DELETE) KEY(DELETE_OR_LEAVE) KEY(KILL) KEY(SEARCH) KEY(CLOSE_BRACE)
KEY(CLOSE_PARENTHESIS) KEY(CLOSE_BRACKET)

static unsigned char key_PASTE(EditLine *line, int c) {
  (void)c;
  attn_editor *editor = NULL;
  el_wget(line, EL_CLIENTDATA, &editor);
  // vi takes the escape in front of a paste for the end of inserting, and goes a character left.
  if (editor->is_vi) el_cursor(line, 1);
  unsigned char result = answer(line, ATTN_KEY_PASTE);
  if (editor->is_vi) el_wpush(line, L"i");
  return result;
}

typedef unsigned char (*key_function)(EditLine *, int);

static const struct {
  const wchar_t *name, *help;
  key_function function;
  const wchar_t *keys[6];
} bindings[] = {
    {L"attn-enter", L"run the entry, or go on to another line", key_ENTER, {L"^M", L"^J"}},
    {L"attn-newline", L"another line", key_NEWLINE, {L"\033\r", L"\033\n"}},
    {L"attn-complete", L"complete", key_COMPLETE, {L"^I"}},
    {L"attn-up", L"a line up, or back in the history", key_UP, {L"\033[A", L"\033OA", L"^P"}},
    {L"attn-down", L"a line down, or on in the history", key_DOWN, {L"\033[B", L"\033OB", L"^N"}},
    {L"attn-left", L"a character left", key_LEFT, {L"\033[D", L"\033OD", L"^B"}},
    {L"attn-right", L"a character right", key_RIGHT, {L"\033[C", L"\033OC", L"^F"}},
    {L"attn-home", L"to the line's start", key_HOME, {L"\033[H", L"\033OH", L"\033[1~", L"^A"}},
    {L"attn-end", L"to the line's end", key_END, {L"\033[F", L"\033OF", L"\033[4~", L"^E"}},
    {L"attn-backspace", L"delete to the left", key_BACKSPACE, {L"^?", L"^H"}},
    {L"attn-delete", L"delete to the right", key_DELETE, {L"\033[3~"}},
    {L"attn-delete-or-leave", L"delete, or leave", key_DELETE_OR_LEAVE, {L"^D"}},
    {L"attn-kill", L"delete to the line's end", key_KILL, {L"^K"}},
    {L"attn-search", L"search the history", key_SEARCH, {L"^R"}},
    {L"attn-paste", L"a bracketed paste", key_PASTE, {L"\033[200~"}},
    {L"attn-close-brace", L"a closing brace", key_CLOSE_BRACE, {L"}"}},
    {L"attn-close-parenthesis", L"a closing parenthesis", key_CLOSE_PARENTHESIS, {L")"}},
    {L"attn-close-bracket", L"a closing bracket", key_CLOSE_BRACKET, {L"]"}},
};

static wchar_t *prompt_of(EditLine *line) {
  attn_editor *editor = NULL;
  el_wget(line, EL_CLIENTDATA, &editor);
  return editor->prompt;
}

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
  el_wset(line, EL_EDITOR, L"emacs");
  // Known before ~/.editrc is read, which may give them further keys.
  for (size_t i = 0; i < sizeof bindings / sizeof *bindings; i++)
    el_wset(line, EL_ADDFN, bindings[i].name, bindings[i].help, bindings[i].function);
  el_source(line, NULL);
  const wchar_t *mode = NULL;
  bool is_vi = editor->is_vi =
      el_wget(line, EL_EDITOR, &mode) == 0 && mode != NULL && mode[0] == L'v';
  for (size_t i = 0; i < sizeof bindings / sizeof *bindings; i++) {
    for (const wchar_t *const *key = bindings[i].keys; *key != NULL; key++) {
      bool is_escape = (*key)[0] == L'\033', is_sequence = is_escape && (*key)[1] >= L' ';
      if (!is_vi) {
        el_wset(line, EL_BIND, *key, bindings[i].name, NULL);
      } else if (is_sequence) {
        // In vi's way an escape leads to the command mode at once, where the rest of a sequence is read.
        el_wset(line, EL_BIND, L"-a", *key + 1, bindings[i].name, NULL);
      } else if (!is_escape) {
        el_wset(line, EL_BIND, *key, bindings[i].name, NULL);
        if ((*key)[0] == L'^') el_wset(line, EL_BIND, L"-a", *key, bindings[i].name, NULL);
      }
    }
  }
  if (is_vi) {
    el_wset(line, EL_BIND, L"-a", L"k", L"attn-up", NULL);
    el_wset(line, EL_BIND, L"-a", L"j", L"attn-down", NULL);
  }
  static const wchar_t *const own[][2] = {
      {ACCEPT, L"ed-newline"},
      {EARLIER, L"ed-prev-history"},
      {LATER, L"ed-next-history"},
      {SEARCH, L"em-inc-search-prev"},
  };
  for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
    el_wset(line, EL_BIND, own[i][0], own[i][1], NULL);
    if (is_vi) el_wset(line, EL_BIND, L"-a", own[i][0], own[i][1], NULL);
  }
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
  // libedit lets go of the terminal for a moment after each entry; nothing is to be echoed then either.
  el_wset(editor->line, EL_SETTY, L"-x", hold ? L"-echo" : L"+echo", NULL);
  el_wset(editor->line, EL_PREP_TERM, hold ? 1 : 0);
}

attn_read attn_editor_read(attn_editor *editor, const char *prompt, const char *style) {
  size_t length;
  wchar_t *text = widened(prompt, &length);
  wchar_t *escape = widened(style, &length);
  // The last thing in a prompt must not be an escape, so the blank stands behind it.
  if (text != NULL && escape != NULL)
    swprintf(editor->prompt, sizeof editor->prompt / sizeof *editor->prompt,
             length > 0 ? L"\1%ls\1%ls\1\033[0m\1 " : L"%ls%ls ", escape, text);
  free(text);
  free(escape);
  EditLine *line = editor->line;
  // libedit would draw the prompt first, and what is typed in between would be echoed.
  attn_editor_hold(editor, true);
  attn_mark_pastes(true);
  attn_answer_suspension(true);
  el_resize(line);
  editor->is_reading = true;
  editor->depth = 0;
  int count = 0;
  const wchar_t *entry = el_wgets(line, &count);
  editor->is_reading = false;
  attn_answer_suspension(false);
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
  for (const wchar_t *at = info->cursor; at < info->lastchar; at++)
    if (*at == L'\n') putchar('\n');
  fflush(stdout);
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

uint32_t attn_editor_scalar(attn_editor *editor, int32_t index) {
  if (index < 0 || index >= attn_editor_length(editor)) return 0;
  return (uint32_t)(editor->is_reading ? el_wline(editor->line)->buffer : editor->entry)[index];
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
  el_cursor(line, cursor - attn_editor_cursor(editor));
}

int32_t attn_editor_next(attn_editor *editor) {
  wchar_t next;
  return el_wgetc(editor->line, &next) == 1 ? (int32_t)next : -1;
}

void attn_editor_remember(attn_editor *editor, const char *entry) {
  size_t length;
  HistEventW event;
  wchar_t *wide = widened(entry, &length);
  if (length > 0) history_w(editor->history, &event, H_ENTER, wide);
  free(wide);
}
