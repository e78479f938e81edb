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

// The same once the terminal has broken its lines anew: what libedit drew as `before` columns stands in
// `now`. A row that ends in a blank is a line of its own where libedit has drawn it, for it leaves blanks
// out there and moves the cursor instead.
static int rows_broken_anew(const attn_editor *editor, const wchar_t *text, const wchar_t *end, int before,
                            int now) {
  const wchar_t *drawn = text + editor->drawn;
  int column = editor->prompt_width % before;  // where libedit put it
  int row = editor->prompt_width / now, place = editor->prompt_width % now;
  int blanks = 0;
  for (; text < end; text++) {
    if (*text == L'\n') {
      row++;
      column = place = blanks = 0;
      continue;
    }
    int width = width_of(*text, column);
    bool is_padded = column + width > before;
    if (is_padded) {
      if (text < drawn) {
        row++;
        place = 0;
      } else {
        blanks++;
      }
      column = 0;
    }
    if (*text == L' ') {
      blanks += 1;
    } else {
      for (int cells = blanks + width; cells > 0;) {
        int step = cells > width ? 1 : width;
        if (place + step > now) {
          row++;
          place = 0;
        }
        place += step;
        cells -= step > 0 ? step : 1;
      }
      blanks = 0;
    }
    column += width;
    if (column >= before) {
      column = 0;
      if (blanks > 0 && text < drawn) {
        row++;
        place = blanks = 0;
      }
    }
  }
  return row + (place + blanks) / now;
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
