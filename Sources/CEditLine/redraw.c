// Where the line stands on the screen, and drawing it anew where that has changed.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "editor.h"
#include "input.h"

int attn_columns(void) {
  struct winsize size;
  return ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

// Most terminals break their lines anew when the window changes. Some leave them as they are.
static bool lines_are_broken_anew(void) {
  if (getenv("TMUX") != NULL) return true;
  const char *type = getenv("TERM");
  if (type == NULL) type = "";
  return getenv("XTERM_VERSION") == NULL && strcmp(type, "linux") != 0 && strncmp(type, "screen", 6) != 0;
}

static int width_of(wchar_t character, int column) {
  int width = wcwidth(character);
  if (width >= 0) return width;
  return character == L'\t' ? 8 - column % 8 : 2;
}

// The rows between the line's first and the one where the text ends, as libedit breaks them.
static int rows(const attn_editor *editor, const wchar_t *text, const wchar_t *end, int columns) {
  int row = editor->prompt_width / columns, column = editor->prompt_width % columns;
  for (; text < end; text++) {
    int width = *text == L'\n' ? columns : width_of(*text, column);
    if (*text != L'\n' && column + width > columns) {
      row++;
      column = 0;
    }
    column += width;
    if (column >= columns) {
      row++;
      column = 0;
    }
  }
  return row;
}

static void advance(int width, int columns, int *row, int *column) {
  if (*column + width > columns) {
    (*row)++;
    *column = 0;
  }
  *column += width;
}

// The same once the terminal has broken its lines anew: what libedit drew in `before` columns stands in
// `now`. A row that ends in a blank is a line of its own where libedit has drawn it, for it leaves blanks
// out there and moves the cursor instead.
static int rows_broken_anew(const attn_editor *editor, const wchar_t *text, const wchar_t *end, int before,
                            int now) {
  const wchar_t *drawn = text + editor->drawn;
  int old = editor->prompt_width % before;  // the column where libedit put it
  int row = editor->prompt_width / now, column = editor->prompt_width % now;
  int blanks = 0;  // in front of it, and not yet counted
  for (; text < end; text++) {
    int width = *text == L'\n' ? 0 : width_of(*text, old);
    // A character of two columns leaves a blank where there is room for one.
    bool is_padded = old + width > before;
    if (*text == L'\n' || (is_padded && text < drawn)) {
      row++;
      column = blanks = old = 0;
    } else if (is_padded) {
      blanks++;
      old = 0;
    }
    if (*text == L'\n') continue;
    if (*text == L' ') {
      blanks++;
    } else {
      for (; blanks > 0; blanks--) advance(1, now, &row, &column);
      advance(width, now, &row, &column);
    }
    old += width;
    if (old < before) continue;
    old = 0;
    if (blanks > 0 && text < drawn) {
      row++;
      column = blanks = 0;
    }
  }
  return row + (column + blanks) / now;
}

void attn_redraw(EditLine *line, bool is_elsewhere) {
  attn_editor *editor = attn_editor_of(line);
  const LineInfoW *info = el_wline(line);
  int columns = attn_columns();
  int above = is_elsewhere ? 0
      : lines_are_broken_anew()
      ? rows_broken_anew(editor, info->buffer, info->cursor, editor->columns, columns)
      : rows(editor, info->buffer, info->cursor, editor->columns);
  editor->columns = columns;
  editor->drawn = (int32_t)(info->lastchar - info->buffer);
  putchar('\r');
  if (above > 0) printf("\033[%dA", above);
  fputs("\033[J", stdout);
  fflush(stdout);
  el_resize(line);
  el_wset(line, EL_REFRESH);
}

void attn_go_below(EditLine *line) {
  attn_editor *editor = attn_editor_of(line);
  const LineInfoW *info = el_wline(line);
  int below = rows(editor, info->buffer, info->lastchar, editor->columns)
      - rows(editor, info->buffer, info->cursor, editor->columns);
  for (; below > 0; below--) putchar('\n');
  fflush(stdout);
}
