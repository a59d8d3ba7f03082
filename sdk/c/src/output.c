/* The files behind descriptors 1 and 2, opened again after a rotation. Paths: as the program
   starts; reopening: the watcher's thread. */
#include "app.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const kVariables[2] = {"PATCHBAY_STDOUT", "PATCHBAY_STDERR"};

int pba_output_take(struct pba_app *app)
{
    for (int i = 0; i < 2; i++) {
        const char *path = getenv(kVariables[i]);
        app->output[i] = path == NULL ? NULL : strdup(path);
        if (path != NULL && app->output[i] == NULL) {
            return 0;
        }
        unsetenv(kVariables[i]); /* not of processes that this one starts */
    }
    return 1;
}

/* What cannot be opened stays as it is. */
void pba_output_reopen(const struct pba_app *app)
{
    for (int i = 0; i < 2; i++) {
        if (app->output[i] == NULL) {
            continue;
        }
        const int fd =
            open(app->output[i], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
        if (fd < 0 || dup2(fd, STDOUT_FILENO + i) < 0) {
            fprintf(stderr, PBA_LIBRARY ": \"%s\" cannot be opened again: %s\n", app->output[i],
                    strerror(errno));
        }
        if (fd >= 0) {
            close(fd);
        }
    }
}

void pba_output_drop(struct pba_app *app)
{
    for (int i = 0; i < 2; i++) {
        free(app->output[i]);
        app->output[i] = NULL;
    }
}
