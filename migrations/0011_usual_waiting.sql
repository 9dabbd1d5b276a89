-- What commits have added to what is kept by the hour and by ten minutes, each as JSON, until the clock takes it in. It is
-- read and removed as a whole, in one transaction, so it needs no key; adding to it costs a commit next to nothing.
create table usual_waiting (
    change text not null
);
