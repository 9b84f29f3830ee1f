// Native code that does, when it is loaded, what DOES says.

#include <signal.h>
#include <unistd.h>

__attribute__((constructor)) static void begin() { DOES; }
