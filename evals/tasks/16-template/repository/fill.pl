#!/usr/bin/perl
# fill.pl NAME=VALUE...: replaces {{NAME}} in standard input; an unknown name stays as it is.
use strict;
use warnings;

my %values = map { split /=/ } @ARGV;
while (my $line = <STDIN>) {
    $line =~ s/\{\{(.*)\}\}/$values{$1}/;
    print $line;
}
