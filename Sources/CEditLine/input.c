// Reading from the terminal. libedit's own reading would miss a signal that arrives just before it
// waits, and passes signals on to the whole process group. Here signals are let in only while we wait.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "input.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "include/CEditLine.h"

static volatile sig_atomic_t interrupted, resized, suspended, continued, ending;
// What Ctrl-Z and Ctrl-\ mean depends on what is being done.
static volatile sig_atomic_t is_reading, ignores_quit, holds_modes;
static void (*interrupt_handler)(int);
static struct termios found, held;
static bool was_found;

// What was read ahead.
static unsigned char ahead[4096];
static size_t ahead_at, ahead_count;
static bool reads_ahead;
// Whether the terminal has been read since the last byte was taken, and what it gave instead of bytes: 0 at
// the end, -1 for nothing yet.
static bool has_read;
static int gave;

static void read_terminal(void) {
  ssize_t count = read(STDIN_FILENO, ahead, reads_ahead ? sizeof ahead : 1);
  has_read = true;
  gave = count < 0 && (errno == EINTR || errno == EAGAIN) ? -1 : 0;
  ahead_at = 0;
  ahead_count = count > 0 ? (size_t)count : 0;
}

static void answer(int signal, void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler};  // without SA_RESTART
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, NULL);
}

// The shell finds the terminal as it gave it. Safe in a signal handler.
static void stop_here(void (*handler)(int)) {
  int error = errno;
  if (holds_modes && was_found) tcsetattr(STDIN_FILENO, TCSANOW, &found);
  answer(SIGTSTP, SIG_DFL);
  raise(SIGTSTP);
  sigset_t stop, before;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTSTP);
  pthread_sigmask(SIG_UNBLOCK, &stop, &before);  // here it stops, and goes on
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  answer(SIGTSTP, handler);
  errno = error;
}

static void note(int number) {
  switch (number) {
    case SIGINT:
      interrupted = 1;
      // What was typed before it is dropped, read or not: the terminal is told not to do so itself, since
      // it would drop what has been written as well.
      if (is_reading || holds_modes) tcflush(STDIN_FILENO, TCIFLUSH);
      if (interrupt_handler != NULL) interrupt_handler(number);
      return;
    case SIGWINCH: resized = 1; return;
    case SIGTSTP:
      if (is_reading) suspended = 1;
      else stop_here(note);
      return;
    case SIGCONT:
      continued = 1;
      // In the background the terminal is somebody else's.
      if (holds_modes && tcgetpgrp(STDIN_FILENO) == getpgrp()) {
        int error = errno;
        tcsetattr(STDIN_FILENO, TCSANOW, &held);
        errno = error;
      }
      return;
    case SIGQUIT:
      if (is_reading || ignores_quit) return;
      break;
    default: break;
  }
  // The terminal must not stay as libedit needs it.
  if (!ending && was_found) {
    static const char off[] = "\033[?2004l";
    (void)!write(STDOUT_FILENO, off, sizeof off - 1);
    tcsetattr(STDIN_FILENO, TCSANOW, &found);
  }
  ending = 1;
  answer(number, SIG_DFL);
  raise(number);
}

void attn_on_interrupt(void (*handler)(int)) {
  interrupt_handler = handler;
  was_found = tcgetattr(STDIN_FILENO, &found) == 0;
  static const int ours[] = {SIGINT, SIGWINCH, SIGTSTP, SIGCONT, SIGTERM, SIGHUP, SIGQUIT};
  for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) answer(ours[i], note);
  answer(SIGPIPE, SIG_IGN);
}

void attn_block_signals(void) {
  sigset_t set;
  sigemptyset(&set);
  static const int blocked[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};
  for (size_t i = 0; i < sizeof blocked / sizeof *blocked; i++) sigaddset(&set, blocked[i]);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
}

bool attn_take_interruption(void) {
  bool was = interrupted;
  interrupted = 0;
  // As the terminal lets go of what was typed before Ctrl-C.
  if (was) {
    ahead_at = ahead_count = 0;
    has_read = false;
  }
  return was;
}

void attn_forget_interruption(void) { interrupted = 0; }

void attn_mark_pastes(bool on) {
  fputs(on ? "\033[?2004h" : "\033[?2004l", stdout);
  fflush(stdout);
}

void attn_attend(bool on) {
  is_reading = on;
  // The line that follows is drawn as the window is by now.
  if (on) resized = continued = 0;
}

void attn_ignore_quit(bool on) { ignores_quit = on; }

void attn_hold_modes(bool on) {
  holds_modes = 0;
  if (on) holds_modes = tcgetattr(STDIN_FILENO, &held) == 0;
}

void attn_restore_modes(void) {
  struct termios now;
  if (!holds_modes || tcgetattr(STDIN_FILENO, &now) != 0) return;
  if ((now.c_lflag & (ICANON | ECHO)) != 0) tcsetattr(STDIN_FILENO, TCSADRAIN, &held);
}

void attn_read_ahead(bool on) { reads_ahead = on; }

bool attn_input_waits(int milliseconds) {
  if (ahead_at < ahead_count) return true;
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  return poll(&input, 1, milliseconds) > 0;
}

// Leaves the terminal to the shell, and takes it again.
static void suspend(EditLine *line) {
  attn_go_below(line);
  attn_mark_pastes(false);
  stop_here(note);
  attn_mark_pastes(true);
}

// Waits for a byte; false after Ctrl-C. Without a line there is nothing to draw anew, and the caller reads.
static bool wait_for_byte(EditLine *line) {
  if (ahead_at < ahead_count && !interrupted) return true;
  sigset_t ours, before;
  sigemptyset(&ours);
  static const int let_in[] = {SIGINT, SIGWINCH, SIGTSTP, SIGCONT};
  for (size_t i = 0; i < sizeof let_in / sizeof *let_in; i++) sigaddset(&ours, let_in[i]);
  pthread_sigmask(SIG_BLOCK, &ours, &before);
  bool came = false;
  for (;;) {
    if (interrupted) break;
    if (suspended) {
      suspended = 0;
      if (line != NULL) suspend(line);
      else stop_here(note);
      // The signal to go on waits for being let in.
      pthread_sigmask(SIG_SETMASK, &before, NULL);
      pthread_sigmask(SIG_BLOCK, &ours, NULL);
      continued = 1;
    }
    if (resized || continued) {
      bool is_elsewhere = continued;
      resized = continued = 0;
      if (line != NULL) attn_redraw(line, is_elsewhere);
    }
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    if (ppoll(&input, 1, NULL, &before) > 0) {
      // Read while no signal is let in: Ctrl-C drops what waits, and this would wait for more.
      if (line != NULL && ahead_at == ahead_count && !has_read) read_terminal();
      came = true;
      break;
    }
    if (errno != EINTR) break;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return came;
}

bool attn_wait_for_input(void) {
  attn_attend(true);
  bool came = wait_for_byte(NULL);
  attn_attend(false);
  attn_take_interruption();
  return came;
}

// 1, 0 at the end, -1 for a signal that came in between.
static int next_byte(unsigned char *byte) {
  if (ahead_at == ahead_count && !has_read) read_terminal();
  has_read = false;
  if (ahead_at == ahead_count) return gave;
  *byte = ahead[ahead_at++];
  return 1;
}

int attn_next_character(EditLine *line, wchar_t *to) {
  mbstate_t state;
  memset(&state, 0, sizeof state);
  if (attn_search_owes(line, to)) return 1;
  for (;;) {
    if (!wait_for_byte(line)) {
      errno = EINTR;
      return interrupted ? -1 : 0;
    }
    unsigned char byte;
    int came = next_byte(&byte);
    if (came < 0) continue;
    if (came == 0) return 0;
    size_t length = mbrtowc(to, (const char *)&byte, 1, &state);
    if (length == (size_t)-2) continue;
    if (length != (size_t)-1) {
      attn_search_takes(line, to);
      return 1;
    }
    // Not a character in this encoding: passed over.
    memset(&state, 0, sizeof state);
  }
}
