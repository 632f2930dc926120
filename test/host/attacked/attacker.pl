#!/usr/bin/perl
# Plays an unprivileged user who gets between what root (or another user) does in directories that all can write to.
# ARGV: the run, a directory that he would like to have changed, a process that he would like to have ended, a file that
# tells the round, and the bases under attack. In odd rounds he also makes the bases himself, where he is first.
use strict;
use warnings;
use Fcntl qw(:flock);
use Time::HiRes qw(sleep);

my ($run, $canary, $process, $rounds, @bases) = @ARGV;
my $done = 0;
my @held;
$SIG{TERM} = sub { print "$done\n"; exit 0 };
$| = 1;

sub did { $done++ if $_[0] }

sub written {
  my ($path, $text) = @_;
  open(my $file, '>', $path) or return 0;
  print $file $text;
  close $file;
}

# What a job looks like that still runs, with somebody else's process as its own.
sub job {
  my ($path) = @_;
  mkdir $path, 0777;
  written("$path/pid", "$process\n") or return;
  open(my $lock, '>', "$path/lock") or return;
  flock $lock, LOCK_EX | LOCK_NB;
  push @held, $lock;
  shift @held if @held > 64;
}

my @tricks = (
  sub { my ($base) = @_; did mkdir $base, 0777; chmod 0777, $base },
  sub { my ($base) = @_; did symlink $canary, $base },
  sub { my ($base) = @_; did mkdir "$base/$run", 0777 },
  sub { my ($base) = @_; did rename $base, "$base.gone" and symlink $canary, $base },
  sub { my ($base) = @_; did rename "$base/$run", "$base/$run.gone" and symlink "$canary/$run", "$base/$run" },
  sub { my ($base) = @_; did symlink "$canary/$run", "$base/$run" },
  sub { my ($base) = @_; mkdir "$base/$run", 0777; did symlink "$canary/$run/guest", "$base/$run/guest" },
  sub { my ($base) = @_; mkdir "$base/$run", 0777; job("$base/$run/job"); $done++ },
  sub { my ($base) = @_; did symlink "$canary/important", "$base/cpu-90001" },
  sub { my ($base) = @_; did ! system 'mkfifo', "$base/cpu-90002" },
  sub { my ($base) = @_; did link "$canary/important", "$base/cpu-90003" },
  sub { my ($base) = @_; did written "$base/hugepages-2048.1.a[\$(touch owned)]", '' },
  sub { my ($base) = @_; did written "$base/cpu-90004", qq({"run":"$run","context":"guest"}\n) },
  sub { my ($base) = @_; did symlink "$canary/important", "$base/lease.$_" for 1 .. 3 },
  sub { my ($base) = @_; unlink $base; system 'rm', '-rf', $base, "$base.gone"; $done++ },
);

while (getppid() != 1) {
  open(my $file, '<', $rounds) or exit 0;
  my $round = <$file> // 0;
  close $file;
  for my $base (@bases) {
    my $first = ! -l $base && ! -d $base;
    next if $first && $round % 2 == 0;
    $tricks[rand @tricks]->($base);
  }
  sleep 0.0005;
}
