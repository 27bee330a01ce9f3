/* With LD_PRELOAD, adjtimex(2) answers what the file ADJTIMEX_ANSWER contains: its return value,
 * the flags, and the maximum error in microseconds. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

int adjtimex(struct timex *timex) {
    int returned;
    FILE *file = fopen(getenv("ADJTIMEX_ANSWER"), "r");
    memset(timex, 0, sizeof *timex);
    if (!file || fscanf(file, "%d %d %ld", &returned, &timex->status, &timex->maxerror) != 3)
        abort();
    fclose(file);
    if (returned < 0)
        errno = EPERM;
    return returned;
}
