#include <string.h>

#include "trim.h"

char *trim(char *text)
{
    size_t last = strlen(text) - 1;
    while (text[last] == ' ' || text[last] == '\t')
        text[last--] = '\0';
    while (*text == ' ' || *text == '\t')
        text++;
    return text;
}
