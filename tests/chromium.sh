#!/bin/sh
# $CHROMIUM, without the pages that it makes for the address bar of each window, which nobody sees here: they are half of
# what a window costs. Playwright names features too, and of two lists Chromium heeds the last alone.
for argument; do
  shift
  case $argument in
    --disable-features=*) argument="$argument,WebUIOmniboxPopup,WebUIOmniboxAimPopup" ;;
  esac
  set -- "$@" "$argument"
done
exec "$CHROMIUM" "$@"
