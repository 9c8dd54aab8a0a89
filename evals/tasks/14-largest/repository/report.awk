# Reads lines `NAME AMOUNT`; prints each name's sum, by name, and the largest sum.
{
    sums[$1] = sums[$1] + $2
}
END {
    for (name in sums)
        print name, sums[name] | "sort"
    for (name in sums)
        if (sums[name] "" > largest) {
            largest = sums[name]
            who = name
        }
    print "largest:", who, largest
}
