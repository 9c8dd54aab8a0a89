#!/usr/bin/perl
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Days;

while (@ARGV) {
    my ($year, $month) = split /-/, shift;
    print Days::in_month($year, $month), "\n";
}
