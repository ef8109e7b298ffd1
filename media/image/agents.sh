# The agents' packages from npm. AGENTS are their commands, PACKAGES what brings them, in the same order.

say "Installing $AGENTS"
npm install --global --prefix /usr/local --no-audit --no-fund --no-update-notifier --foreground-scripts $PACKAGES

# opencode brings its program once more for older processors and links the one that suits; the other is 180 MB for nothing.
opencode=/usr/local/lib/node_modules/opencode-ai
for variant in "$opencode"/node_modules/opencode-linux-*; do
  if [ -s "$opencode/bin/opencode.exe" ] && [ ! "$variant/bin/opencode" -ef "$opencode/bin/opencode.exe" ]; then
    rm -rf "$variant"
  fi
done

# A package that installs and does not run would be found out only by the user.
home=$(mktemp -d)
chown code:code "$home"
for agent in $AGENTS; do
  if ! version=$(cd "$home" && setpriv --reuid code --regid code --init-groups env HOME="$home" timeout 60 "$agent" --version 2>&1); then
    echo "The agent $agent was installed but does not run: $version" >&2
    exit 1
  fi
  say "$agent: $(tail -n 1 <<<"$version")"
done
rm -rf "$home"
