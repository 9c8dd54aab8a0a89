package Days;
use strict;
use warnings;

my @days = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31);

# Days of a month, 1 to 12, of a year of the Gregorian calendar.
sub in_month {
    my ($year, $month) = @_;
    $days[1] = 29 if $year % 4 == 0;
    return $days[$month];
}

1;
