/* The self-test's trials of what tabs can share, and of what outlives them. A hidden frame stands for another tab: its
   window gets events of what this one stores, finds the same worker, and waits for the same locks. */
(function (Chat, root, document) {
  'use strict';
  if (!Chat.supported) { return; }

  var PATIENCE_SECONDS = 8;  // as a page gives its worker
  var HELD_MS = 100;
  var KEY = 'longwave.selftest.' + Math.random().toString(36).slice(2);

  /* `attempt` is called with end(hasWorked); `then` with that, false when it throws or takes too long. */
  function within(attempt, then) {
    var isOver = false;
    var callOff = Chat.countdown(PATIENCE_SECONDS, function () { end(false); });
    function end(hasWorked) {
      if (isOver) { return; }
      isOver = true;
      callOff();
      then(hasWorked);
    }
    try { attempt(end); } catch (forbidden) { end(false); }
  }

  /* The chat's own worker, under another name so that it carries nothing: a tab that it does not know gets the answer
     `again`, and all who share it get the name of the lock that it holds while it lives. */
  function askWorker(other) {
    return function (end) {
      var lives = [];
      var left = 2;
      function meet(view) {
        var worker = new view.SharedWorker(Chat.fact('url-shared-worker'), KEY);
        var hasAnswered = false;
        var life = root.navigator.locks ? '' : 'unknown';
        Chat.listen(worker, 'error', function () { end(false); });
        worker.port.onmessage = Chat.guard(function (message) {
          if (message.data.say === 'broken') { return end(false); }
          if (message.data.say === 'life') { life = message.data.lock; }
          if (message.data.say === 'again') { hasAnswered = true; }
          if (!hasAnswered || !life || !worker) { return; }
          worker = null;  // that was all
          left -= 1;
          lives.push(life);
          if (!left) { end(lives[0] === lives[1]); }
        });
        worker.port.postMessage({ say: 'look', tab: KEY });
      }
      meet(root);
      meet(other);
    };
  }

  function sendWord(other) {
    return function (end) {
      Chat.listen(other, 'storage', function (change) {
        if (change.key === KEY && change.newValue) { end(true); }
      });
      root.localStorage.setItem(KEY, 'heard');
    };
  }

  function passLock(other) {
    return function (end) {
      var isHeld = true;
      function fail() { end(false); }
      root.navigator.locks.request(KEY, function () {
        other.navigator.locks.request(KEY, function () { end(!isHeld); })['catch'](fail);
        return new root.Promise(function (resolve) {
          Chat.later(function () {
            isHeld = false;
            resolve();
          }, HELD_MS);
        });
      })['catch'](fail);
    };
  }

  /* As the chat will decide: a worker, else one tab leads where messages get through. */
  function conclude(find, shares) {
    find('test-worker', shares.worker ? 'good' : 'fair',
      shares.worker ? 'test-worker-works' : root.SharedWorker ? 'test-worker-not' : 'test-worker-none');
    find('test-word', shares.word ? 'good' : 'fair', shares.word ? 'test-word-works' : 'test-word-not');
    if (!root.navigator.locks) { find('test-lead', 'fair', 'test-lead-lease'); }
    else { find('test-lead', shares.lead ? 'good' : 'bad', shares.lead ? 'test-lead-works' : 'test-lead-not'); }
    if (shares.worker) { find('test-sharing', 'good', 'test-sharing-worker'); }
    else if (shares.word) { find('test-sharing', 'good', 'test-sharing-leader'); }
    else { find('test-sharing', 'fair', 'test-sharing-none'); }
  }

  Chat.trials.all.push(function (find, done) {
    var frame = document.createElement('iframe');
    frame.setAttribute('hidden', '');
    document.body.appendChild(frame);
    var other = frame.contentWindow;
    var attempts = { worker: askWorker(other), word: sendWord(other), lead: passLock(other) };
    var left = 3;
    function attempt(name) {
      within(attempts[name], function (hasWorked) {
        attempts[name] = hasWorked;
        left -= 1;
        if (left) { return; }
        forget();
        Chat.remove(frame);
        conclude(find, attempts);
        done();
      });
    }
    attempt('worker');
    attempt('word');
    attempt('lead');
  });

  function forget() {
    try { root.localStorage.removeItem(KEY); } catch (forbidden) { }
  }

  Chat.listen(root, 'pagehide', forget);

  Chat.trials.all.push(function (find, done) {
    var isKept = false;
    try {
      root.localStorage.setItem(KEY + '.kept', '1');
      isKept = root.localStorage.getItem(KEY + '.kept') === '1';
      root.localStorage.removeItem(KEY + '.kept');
    } catch (forbidden) { }
    find('test-keeping', isKept ? 'good' : 'fair', isKept ? 'test-keeping-works' : 'test-keeping-not');
    done();
  });

}(this.Chat, this, document));
