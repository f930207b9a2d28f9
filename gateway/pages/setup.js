// Does this phone trust the box? A small picture from its HTTPS address loads only when it does. No old phone is left out:
// nothing here is newer than 2017.
(function () {
  'use strict';
  var PATIENCE_MS = 8000;
  var check = document.getElementById('check');
  var again = document.getElementById('again');
  var addresses = check.getAttribute('data-addresses').split(' ');

  // the name in the address bar reaches the box from here; the others may not
  addresses.sort(function (a, b) { return isHere(b) - isHere(a); });
  function isHere(address) {
    return new URL(address).hostname === location.hostname ? 1 : 0;
  }

  function show(name) {
    Array.prototype.forEach.call(check.querySelectorAll('.state'), function (one) {
      one.hidden = one.getAttribute('data-state') !== name;
    });
    again.hidden = name === 'checking';
    check.setAttribute('data-is', name);
  }

  function load(address) {
    return new Promise(function (resolve, reject) {
      var picture = new Image();
      var timer = setTimeout(reject, PATIENCE_MS);
      picture.onload = function () { clearTimeout(timer); resolve(address); };
      picture.onerror = function () { clearTimeout(timer); reject(); };
      picture.src = address + '/setup/check.svg?n=' + Date.now();
    });
  }

  function tryFrom(i) {
    if (i === addresses.length) return Promise.reject();
    return load(addresses[i]).catch(function () { return tryFrom(i + 1); });
  }

  function run() {
    show('checking');
    tryFrom(0).then(function (address) {
      document.getElementById('open').href = address;
      show('good');
    }, function () { show('bad'); });
  }

  if (/iPhone|iPad/.test(navigator.userAgent)) {
    document.getElementById('iphone').open = true;
    document.getElementById('android').open = false;
  }
  again.addEventListener('click', run);
  // coming back from the settings is when it may have begun to work
  document.addEventListener('visibilitychange', function () {
    if (!document.hidden && check.getAttribute('data-is') === 'bad') run();
  });
  run();
}());
