// Which key does what: ours first, then what the user's ~/.editrc says.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "editor.h"

// libedit gives a key's function nothing but the editor, so each has a function of its own.
static unsigned char answer(EditLine *line, attn_key key) {
  attn_editor *editor = attn_editor_of(line);
  switch (editor->handler(editor->context, key)) {
    case ATTN_EDIT_SHOW: return CC_REFRESH;
    case ATTN_EDIT_REDRAW: return CC_REDISPLAY;
    case ATTN_EDIT_REFUSE: return CC_ERROR;
    case ATTN_EDIT_LEAVE: return CC_EOF;
    // From an upper line of a block only libedit's own function finds the way below it.
    case ATTN_EDIT_ACCEPT: el_wpush(line, ATTN_ACCEPT); return CC_REFRESH;
  }
  return CC_NORM;
}

#define KEY(NAME) \
  static unsigned char key_##NAME(EditLine *line, int c) { (void)c; return answer(line, ATTN_KEY_##NAME); }
KEY(ENTER) KEY(NEWLINE) KEY(COMPLETE) KEY(UP) KEY(DOWN) KEY(LEFT) KEY(RIGHT) KEY(HOME) KEY(END)
KEY(BACKSPACE) KEY(DELETE) KEY(DELETE_OR_LEAVE) KEY(KILL) KEY(SEARCH) KEY(CLOSE_BRACE)
KEY(CLOSE_PARENTHESIS) KEY(CLOSE_BRACKET) KEY(SEARCHED)

static unsigned char key_PASTE(EditLine *line, int c) {
  (void)c;
  attn_editor *editor = attn_editor_of(line);
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
    {L"attn-searched", L"a character of a search", key_SEARCHED, {ATTN_SEARCHED}},
};

// Binds our keys in the mode of editing that is set, whose own keys are those of libedit.
static void bind_ours(attn_editor *editor) {
  EditLine *line = editor->line;
  const wchar_t *mode = NULL;
  bool is_vi = editor->is_vi =
      el_wget(line, EL_EDITOR, &mode) == 0 && mode != NULL && mode[0] == L'v';
  for (size_t i = 0; i < sizeof bindings / sizeof *bindings; i++) {
    for (const wchar_t *const *key = bindings[i].keys; *key != NULL; key++) {
      bool is_escape = (*key)[0] == L'\033', is_sequence = is_escape && (*key)[1] >= L' ';
      bool is_letter = !is_escape && (*key)[0] != L'^' && (*key)[0] != ATTN_ACCEPT[0];
      if (!is_vi) {
        el_wset(line, EL_BIND, *key, bindings[i].name, NULL);
      } else if (is_sequence) {
        // In vi's way an escape leads to the command mode at once, where the rest of a sequence is read.
        el_wset(line, EL_BIND, L"-a", *key + 1, bindings[i].name, NULL);
      } else if (!is_escape) {
        el_wset(line, EL_BIND, *key, bindings[i].name, NULL);
        if (!is_letter) el_wset(line, EL_BIND, L"-a", *key, bindings[i].name, NULL);
      }
    }
  }
  el_wset(line, EL_BIND, ATTN_ACCEPT, L"ed-newline", NULL);
  if (!is_vi) return;
  el_wset(line, EL_BIND, L"-a", ATTN_ACCEPT, L"ed-newline", NULL);
  el_wset(line, EL_BIND, L"-a", L"k", L"attn-up", NULL);
  el_wset(line, EL_BIND, L"-a", L"j", L"attn-down", NULL);
  el_wset(line, EL_BIND, L"-a", L"/", L"attn-search", NULL);
}

// Whether a line of ~/.editrc chooses a mode of editing, `bind -v` or `attn:bind -e`, which takes all
// bindings with it.
static bool chooses_mode(int count, const wchar_t **words) {
  if (count < 2) return false;
  const wchar_t *colon = wcschr(words[0], L':');
  if (wcscmp(colon == NULL ? words[0] : colon + 1, L"bind") != 0) return false;
  for (int i = 1; i < count && words[i][0] == L'-'; i++)
    if (words[i][1] == L'v' || words[i][1] == L'e') return true;
  return false;
}

static FILE *user_file(void) {
  const char *path = getenv("EDITRC"), *home = getenv("HOME");
  char name[4096];
  if (path == NULL) {
    if (home == NULL || snprintf(name, sizeof name, "%s/.editrc", home) >= (int)sizeof name) return NULL;
    path = name;
  }
  return fopen(path, "re");
}

// Reads ~/.editrc a line at a time, as libedit would, but keeps our keys where a line chooses a mode.
static void read_user_file(attn_editor *editor) {
  FILE *file = user_file();
  if (file == NULL) return;
  TokenizerW *tokens = tok_winit(NULL);
  char *text = NULL;
  size_t size = 0;
  while (tokens != NULL && getline(&text, &size, file) >= 0) {
    text[strcspn(text, "\n")] = 0;
    if (text[strspn(text, " \t")] == '#') continue;
    size_t length = mbstowcs(NULL, text, 0);
    wchar_t *wide = length == (size_t)-1 ? NULL : calloc(length + 1, sizeof *wide);
    if (wide == NULL) continue;
    mbstowcs(wide, text, length + 1);
    int count;
    const wchar_t **words;
    tok_wreset(tokens);
    if (tok_wstr(tokens, wide, &count, &words) == 0 && count > 0) {
      const wchar_t *before = NULL, *after = NULL;
      el_wget(editor->line, EL_EDITOR, &before);
      el_wparse(editor->line, count, words);
      el_wget(editor->line, EL_EDITOR, &after);
      // A line for another program, `tool:bind -v`, changes nothing.
      bool is_ours = wcschr(words[0], L':') == NULL || wcsncmp(words[0], L"attn:", 5) == 0;
      if (chooses_mode(count, words) && (is_ours || before != after)) bind_ours(editor);
    }
    free(wide);
  }
  free(text);
  if (tokens != NULL) tok_wend(tokens);
  fclose(file);
}

void attn_bind_keys(attn_editor *editor) {
  for (size_t i = 0; i < sizeof bindings / sizeof *bindings; i++)
    el_wset(editor->line, EL_ADDFN, bindings[i].name, bindings[i].help, bindings[i].function);
  el_wset(editor->line, EL_EDITOR, L"emacs");
  bind_ours(editor);
  read_user_file(editor);
}
