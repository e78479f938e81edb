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

static volatile sig_atomic_t interrupted, resized, suspended, ending;
static void (*interrupt_handler)(int);
static struct termios found;
static bool was_found;

static void note(int signal) {
  switch (signal) {
    case SIGINT:
      interrupted = 1;
      if (interrupt_handler != NULL) interrupt_handler(signal);
      break;
    case SIGWINCH: resized = 1; break;
    case SIGTSTP: suspended = 1; break;
    default:
      // The terminal must not stay as libedit needs it.
      if (!ending && was_found) {
        static const char off[] = "\033[?2004l";
        (void)!write(STDOUT_FILENO, off, sizeof off - 1);
        tcsetattr(STDIN_FILENO, TCSANOW, &found);
      }
      ending = 1;
      raise(signal);  // by then as it was: SA_RESETHAND
  }
}

static void answer(int signal, int flags) {
  struct sigaction action = {.sa_handler = note, .sa_flags = flags};  // without SA_RESTART
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, NULL);
}

void attn_on_interrupt(void (*handler)(int)) {
  interrupt_handler = handler;
  was_found = tcgetattr(STDIN_FILENO, &found) == 0;
  answer(SIGINT, 0);
  answer(SIGWINCH, 0);
  static const int deadly[] = {SIGTERM, SIGHUP, SIGQUIT};
  for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++) answer(deadly[i], SA_RESETHAND | SA_NODEFER);
  signal(SIGPIPE, SIG_IGN);
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
  return was;
}

void attn_forget_interruption(void) { interrupted = 0; }

void attn_mark_pastes(bool on) {
  fputs(on ? "\033[?2004h" : "\033[?2004l", stdout);
  fflush(stdout);
}

void attn_answer_suspension(bool on) {
  if (on) answer(SIGTSTP, 0);
  else signal(SIGTSTP, SIG_DFL);
}

// Leaves the terminal to the shell, and takes it again.
static void suspend(EditLine *line) {
  el_set(line, EL_PREP_TERM, 0);
  attn_mark_pastes(false);
  attn_answer_suspension(false);
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTSTP);
  raise(SIGTSTP);
  sigprocmask(SIG_UNBLOCK, &stop, NULL);  // here it stops, and goes on
  sigprocmask(SIG_BLOCK, &stop, NULL);
  attn_answer_suspension(true);
  el_set(line, EL_PREP_TERM, 1);
  attn_mark_pastes(true);
  el_resize(line);
  el_set(line, EL_REFRESH);
}

// Waits for a byte; false after Ctrl-C. Without a line there is nothing to draw anew.
static bool wait_for_byte(EditLine *line) {
  sigset_t ours, before;
  sigemptyset(&ours);
  sigaddset(&ours, SIGINT);
  sigaddset(&ours, SIGWINCH);
  sigaddset(&ours, SIGTSTP);
  sigprocmask(SIG_BLOCK, &ours, &before);
  bool came = false;
  for (;;) {
    if (interrupted) break;
    if (resized) {
      resized = 0;
      if (line != NULL) el_resize(line);
    }
    if (suspended && line != NULL) {
      suspended = 0;
      suspend(line);
    }
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    if (ppoll(&input, 1, NULL, &before) > 0) {
      came = true;
      break;
    }
    if (errno != EINTR) break;
  }
  sigprocmask(SIG_SETMASK, &before, NULL);
  return came;
}

bool attn_wait_for_input(void) {
  bool came = wait_for_byte(NULL);
  attn_take_interruption();
  return came;
}

int attn_next_character(EditLine *line, wchar_t *to) {
  mbstate_t state;
  memset(&state, 0, sizeof state);
  for (;;) {
    if (!wait_for_byte(line)) {
      errno = EINTR;
      return interrupted ? -1 : 0;
    }
    char byte;
    ssize_t count = read(STDIN_FILENO, &byte, 1);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) return 0;
    size_t length = mbrtowc(to, &byte, 1, &state);
    if (length == (size_t)-2) continue;
    if (length != (size_t)-1) return 1;
    // Not a character in this encoding: passed over.
    memset(&state, 0, sizeof state);
  }
}
