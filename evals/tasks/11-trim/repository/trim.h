/* Removes blanks and tabs at both ends, in place; returns the text. */
char *trim(char *text);
