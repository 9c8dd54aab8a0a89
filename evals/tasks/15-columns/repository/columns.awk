# Reads tab-separated lines with a head; prints `KEY=VALUE` for the column named by -v want=.
NR == 1 {
    for (i = 1; i <= NF; i++)
        if ($i == want)
            column = i
    next
}
{
    print $1 "=" $column
}
