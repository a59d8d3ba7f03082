<?php
// Tells by files what it is doing and waits for files; ?do=...
$dir = getenv('DIR');
while (ob_get_level() > 0) { // php.ini may want everything buffered
    ob_end_clean();
}
function say(string $what): void { global $dir; touch("$dir/$what"); }
function await(string $what): void {
    global $dir;
    for ($i = 0; !file_exists("$dir/$what") && $i < 6000; $i++) {
        usleep(10000);
        clearstatcache();
    }
}
switch ($_GET['do']) {
case 'stream':
    echo 'first';
    flush();
    await('second');
    echo 'second';
    flush();
    await('end');
    echo 'end';
    break;
case 'finish':
    echo 'answer';
    $first = fastcgi_finish_request();
    $second = fastcgi_finish_request();
    echo 'dropped';
    await('go');
    file_get_contents('php://input');
    echo 'dropped, too';
    flush();
    file_put_contents("$dir/finished.new", json_encode([$first, $second]));
    rename("$dir/finished.new", "$dir/finished");
    break;
case 'abort':
case 'ignored':
    ignore_user_abort($_GET['do'] === 'ignored');
    register_shutdown_function(function () {
        say('status-' . connection_status() . '-' . connection_aborted());
    });
    echo 'begun';
    flush();
    for ($i = 0; $i < 6000 && !connection_aborted(); $i++) {
        usleep(10000);
        echo 'more';
        flush();
    }
    say('went-on');
    break;
case 'hold':
    say('held-' . $_GET['name']);
    await($_GET['name']);
    echo getmypid();
    break;
}
