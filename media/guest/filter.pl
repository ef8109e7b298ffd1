# Runs a command on a terminal of its own and passes what it prints on to ours, without what a terminal would obey but show nobody: the
# clipboard (OSC 52), titles, marks of shells, files and images (OSC 0, 9, 133, 633, 1337 and the like), DCS, APC, PM and SOS. Links and colours
# stay (OSC 8, 4, 10 to 12, 104, 110 to 112). Nothing but what Perl itself has; the numbers are Linux's (asm-generic/ioctls.h).
my ($master, $saved, $child, $began, $early, $repeat);

# The size goes down; a change of it reaches us as SIGWINCH.
sub resize { my $size = pack('S4', 0, 0, 0, 0); ioctl(STDIN, 0x5413, $size) and ioctl($master, 0x5414, $size) } # TIOCGWINSZ, TIOCSWINSZ

# Our own terminal passes on every key as it is, as cfmakeraw(3) has it; starting stty for that would take longer than all the rest.
sub make_raw {
  my ($in, $out, $control, $local, @rest) = unpack('L4 C*', $saved);
  ($in, $out, $local) = ($in & ~02753, $out & ~01, $local & ~0100113);
  $control = ($control & ~0460) | 060;
  # c_line, then c_cc with VTIME and VMIN.
  @rest[6, 7] = (0, 1);
  ioctl(STDIN, 0x5402, pack('L4 C*', $in, $out, $control, $local, @rest)) or undef $saved; # TCSETS
}

# The command is begun before the rest of this program is read, which takes Perl longer than all that it does here.
BEGIN {
  my $give_up = sub { print STDERR "The terminal could not be made: $_[0]: $!\n"; exit 254 };
  # Reading and writing, no controlling terminal; of the master neither waits.
  my ($RDWR, $NOCTTY, $NONBLOCK) = (2, 0400, 04000);
  sysopen($master, '/dev/ptmx', $RDWR | $NOCTTY | $NONBLOCK) or $give_up->('/dev/ptmx');
  my ($unlock, $number) = (pack('i', 0), pack('i', 0));
  ioctl($master, 0x40045431, $unlock) and ioctl($master, 0x80045430, $number) or $give_up->('pts'); # TIOCSPTLCK, TIOCGPTN
  sysopen(my $slave, '/dev/pts/' . unpack('i', $number), $RDWR | $NOCTTY) or $give_up->('pts');
  # Changes of the size in the first seconds may be lost further down.
  ($began, $early, $repeat) = (time(), 0, 0);
  $SIG{WINCH} = sub {
    resize();
    ($early, $repeat) = (1, time() + 1) if time() - $began < 10;
  };
  resize();
  $saved = "\0" x 60;
  undef $saved if !(-t STDIN && ioctl(STDIN, 0x5401, $saved)); # TCGETS
  make_raw() if defined $saved;
  $child = fork();
  defined $child or $give_up->('fork');
  if ($child == 0) {
    # setsid(2) has no word in Perl itself; the program of util-linux does it without another process, as this one leads no group.
    open(STDIN, '<&', $slave) and open(STDOUT, '>&', $slave) and open(STDERR, '>&', $slave) or exit 254;
    close($_) for $master, $slave;
    exec('setsid', '--ctty', @ARGV) or exit 254;
  }
  close($slave);
}

use strict;
# Sequences that are kept; those that are longer are dropped, whatever they are.
my %KEPT = map { $_ => 1 } qw(4 8 10 11 12 104 110 111 112);
my $LONGEST = 16384;
# Incus's command line reads the size before it listens for changes of it, and an editor gives a new terminal its size in these moments:
# what changed is told again once something has come, and a second later.
sub tell_size { resize(); kill('WINCH', $child) }
my $heard = 0;

my $held = '';
# What is inside of a sequence that is dropped, or undef.
my ($kind, $body);
my $INTRODUCER = qr/\e[\x00-\x17\x19\x1b-\x1f\x7f]*([\]PX^_])|\xc2([\x90\x98\x9d\x9e\x9f])/;
my $END = qr/[\x07\x18\x1a]|\xc2[\x90\x98-\x9a\x9c-\x9f]|\e/;

# Writes all of it, however long our terminal takes; whether it is still there.
sub show {
  my ($data) = @_;
  for (my $at = 0; $at < length $data;) {
    my $count = syswrite(STDOUT, $data, length($data) - $at, $at);
    next if !defined $count && $!{EINTR};
    return 0 if !defined $count;
    $at += $count;
  }
  return 1;
}

sub filtered {
  my ($text) = @_;
  my $out = '';
  $text = $held . $text;
  $held = '';
  while ($text ne '') {
    if (defined $kind) {
      # Everything that ends a string for a terminal ends it here; what begins something new is looked at again.
      if ($text =~ $END) {
        my ($before, $end, $after) = ($`, $&, $');
        $text = $end =~ /^(?:\e|\xc2[^\x9c])/ ? $end . $after : $after;
        $body .= $before if length($body) <= $LONGEST;
        $out .= kept($kind, $body);
        undef $kind;
      } else {
        my $tail = $text =~ s/(\xc2)\z// ? $1 : '';
        $body .= $text if length($body) <= $LONGEST;
        $held = $tail;
        $text = '';
      }
    } elsif ($text =~ $INTRODUCER) {
      $out .= $`;
      ($kind, $body, $text) = (($1 // $2), '', $');
    } else {
      # The beginning of a sequence may have come without its rest.
      $held = $1 if $text =~ s/(\e[\x00-\x17\x19\x1b-\x1f\x7f]*|\xc2)\z//;
      $out .= $text;
      $text = '';
    }
  }
  return $out;
}

sub kept {
  my ($kind, $body) = @_;
  return '' unless $kind eq ']' or $kind eq "\x9d";
  return '' if length($body) > $LONGEST or $body !~ /^(\d+)(?:;|\z)/ or !$KEPT{$1};
  $body =~ tr/\x00-\x1f\x7f//d;
  return "\e]$body\a";
}

# What was typed and is not taken yet; more is not read meanwhile, so that a program that only writes holds nobody up.
my $typed = '';
my ($in, $open) = (1, 1);
sub again { $!{EINTR} || $!{EAGAIN} }
while ($open) {
  my ($reads, $writes) = ('', '');
  vec($reads, fileno(STDIN), 1) = 1 if $in && $typed eq '';
  vec($reads, fileno($master), 1) = 1;
  vec($writes, fileno($master), 1) = 1 if $typed ne '';
  my $ready = select($reads, $writes, undef, $repeat ? 1 : undef);
  next if $ready < 0;
  if ($repeat && time() > $repeat) { $repeat = 0; tell_size() }
  if (vec($reads, fileno($master), 1)) {
    my $count = sysread($master, my $data, 65536);
    if ($count) { $open = show(filtered($data)); tell_size() if $early && !$heard; $heard = 1 }
    # The last of the other side has closed it (EIO).
    elsif (defined $count || !again()) { last }
  }
  if ($typed ne '' && vec($writes, fileno($master), 1)) {
    my $count = syswrite($master, $typed);
    if (defined $count) { substr($typed, 0, $count) = '' }
    elsif (!again()) { last }
  }
  if (vec($reads, fileno(STDIN), 1)) {
    my $count = sysread(STDIN, $typed, 65536);
    $in = 0 if defined $count && $count == 0;
    $typed = '' if !$count;
  }
}
close($master);
waitpid($child, 0);
my $status = $?;
ioctl(STDIN, 0x5402, $saved) if defined $saved;
exit($status & 127 ? 128 + ($status & 127) : $status >> 8);
