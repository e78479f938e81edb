// What libedit offers, for CEditLine alone.
#include <histedit.h>
